/** The duty to inform: which model reads, how often it is right, and what it may not be used for. */

/** Writes what GET /model says into `facts`. */
export async function showModel(service, facts) {
  try {
    const model = await service.model();
    facts.textContent = `${model.architecture}, trained on ${model.dataset}.`;
  } catch (error) {
    facts.textContent = error.message;
  }
}
