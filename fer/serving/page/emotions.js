/** Colours and words that the whole page shares. */

/** fer/emotions.py's EMOTION_COLORS; a test keeps the two equal. */
export const EMOTION_COLORS = {
  angry: '#c8412f',
  disgust: '#6d8b2f',
  fear: '#7a4fa3',
  happy: '#e3a21a',
  sad: '#2f6fb0',
  surprise: '#1f9e9a',
  neutral: '#7d8590',
};

/** Of the people, by number; each is light enough for black text. */
export const PERSON_COLORS = ['#4cc2ff', '#ffb000', '#ff7ab0', '#7ee081', '#bda6ff', '#ff9a62', '#3ddad7', '#f2e14c'];

export const personColor = (person) => PERSON_COLORS[(person - 1) % PERSON_COLORS.length];
export const emotionColor = (emotion) => EMOTION_COLORS[emotion] ?? EMOTION_COLORS.neutral;

/** fer.inference.faces.Doubt, explained. */
const DOUBTS = {
  'low probability': 'no emotion is likely enough',
  'small face': 'the face is small',
  'weak detection': 'it may not be a face',
  blurred: 'the face is blurred',
  'not like a face': 'it does not look like the faces that the model learned from',
};

export const doubtWords = (doubt) => DOUBTS[doubt] ?? doubt;

/** 0.874 as "87 %", with a space that does not break. */
export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;

/** "happy 87 %", and a question mark where the service is not certain. */
export const verdict = (face) => `${face.emotion}${face.certain ? '' : '?'} ${percent(face.probability)}`;

/** 63.4 seconds as "1:03". */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
