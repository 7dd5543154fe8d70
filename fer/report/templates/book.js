"use strict";
const map = JSON.parse(document.getElementById("map-data").textContent);
const at = (id) => document.getElementById(id);
const canvas = at("map-canvas"), tip = at("map-tip"), said = at("map-said");
const count = map.x.length;
const hidden = { label: new Set(), suggested: new Set(), split: new Set() };
const EDGE = 14, NEAR = 16, PAGE = 25;
let by = "label", chosen = -1;

const names = (kind) => (kind === "split" ? map.splits : map.classes);
const colors = (kind) => (kind === "split" ? map.colors.split : map.colors.label);
const shown = (point) => !hidden[by].has(map[by][point]);
const place = (point) => [
  EDGE + (map.x[point] / 1000) * (canvas.clientWidth - 2 * EDGE),
  EDGE + (map.y[point] / 1000) * (canvas.clientHeight - 2 * EDGE),
];
const lines = (point) => [
  `label ${map.classes[map.label[point]]}${map.doubtful[point] ? ", doubtful" : ""}`,
  `suggested ${map.classes[map.suggested[point]]}`,
  map.splits[map.split[point]],
  map.id[point],
];

function put(element, point, side) {
  const column = point % map.columns, row = Math.floor(point / map.columns);
  element.style.backgroundSize = `${map.columns * side}px auto`;
  element.style.backgroundPosition = `${-column * side}px ${-row * side}px`;
}

function draw() {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const text = getComputedStyle(document.body).color;
  const radius = Math.max(2, Math.min(6, width / (6 * Math.sqrt(count + 1))));
  for (let point = 0; point < count; point += 1) {
    if (!shown(point)) continue;
    const [x, y] = place(point);
    pen.globalAlpha = 0.8;
    pen.fillStyle = colors(by)[map[by][point]];
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fill();
    if (map.doubtful[point]) {
      pen.globalAlpha = 0.9;
      pen.strokeStyle = text;
      pen.lineWidth = 0.8;
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
  if (chosen >= 0) {
    const [x, y] = place(chosen);
    pen.strokeStyle = text;
    pen.lineWidth = 2.5;
    pen.beginPath();
    pen.arc(x, y, radius + 5, 0, 7);
    pen.stroke();
  }
}

function choose(point, tell) {
  if (point === chosen) return;
  chosen = point;
  tip.hidden = point < 0;
  tip.lastElementChild.textContent = "";
  if (point >= 0) {
    const [x, y] = place(point);
    put(tip.firstElementChild, point, 144);
    tip.lastElementChild.textContent = lines(point).join("\n");
    const width = canvas.clientWidth, wide = tip.offsetWidth, tall = tip.offsetHeight;
    tip.style.left = `${Math.max(0, x + wide + 16 > width ? x - wide - 14 : x + 14)}px`;
    tip.style.top = `${Math.max(0, Math.min(y - tall / 2, canvas.clientHeight - tall))}px`;
    if (tell) said.textContent = lines(point).join(", ");
  }
  draw();
}

function nearest(x, y, within) {
  let best = -1, least = within * within;
  for (let point = 0; point < count; point += 1) {
    if (!shown(point)) continue;
    const [left, top] = place(point);
    const distance = (left - x) ** 2 + (top - y) ** 2;
    if (distance <= least) [best, least] = [point, distance];
  }
  return best;
}

// The nearest face in a direction: what lies aside counts for further away.
function next(across, down) {
  if (chosen < 0) return nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity);
  const [x, y] = place(chosen);
  let best = chosen, least = Infinity;
  for (let point = 0; point < count; point += 1) {
    if (!shown(point) || point === chosen) continue;
    const [left, top] = place(point);
    const along = (left - x) * across + (top - y) * down;
    const aside = Math.abs((left - x) * down) + Math.abs((top - y) * across);
    if (along > 0 && along + 3 * aside < least) [best, least] = [point, along + 3 * aside];
  }
  return best;
}

function under(event) {
  const box = canvas.getBoundingClientRect();
  choose(nearest(event.clientX - box.left, event.clientY - box.top, NEAR), false);
}
canvas.addEventListener("pointermove", under);
canvas.addEventListener("pointerdown", under);
canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && choose(-1, false));
canvas.addEventListener("blur", () => choose(-1, false));
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (event.key === "Escape") choose(-1, false);
  if (!ARROWS[event.key]) return;
  event.preventDefault();
  choose(next(...ARROWS[event.key]), true);
});

function legend() {
  const buttons = names(by).map((name, code) => {
    const button = document.createElement("button"), dot = document.createElement("i");
    button.type = "button";
    button.setAttribute("aria-pressed", String(!hidden[by].has(code)));
    dot.style.background = colors(by)[code];
    button.append(dot, name);
    button.addEventListener("click", () => {
      if (!hidden[by].delete(code)) hidden[by].add(code);
      button.setAttribute("aria-pressed", String(!hidden[by].has(code)));
      choose(-1, false);
      draw();
    });
    return button;
  });
  at("map-legend").replaceChildren(...buttons);
}
at("map-by").addEventListener("change", (event) => {
  by = event.target.value;
  legend();
  choose(-1, false);
  draw();
});

let first = 0;
function list() {
  const label = at("list-label").value, doubtful = at("list-doubtful").checked;
  const points = [...map.x.keys()].filter(
    (point) => (label === "" || map.label[point] === Number(label)) && (!doubtful || map.doubtful[point]),
  );
  first = Math.max(0, Math.min(first, PAGE * Math.floor((points.length - 1) / PAGE)));
  const rows = points.slice(first, first + PAGE).map((point) => {
    const row = document.createElement("tr"), cell = document.createElement("td"), face = document.createElement("div");
    face.className = "atlas thumb";
    put(face, point, 48);
    cell.append(face);
    row.append(cell);
    const label = map.classes[map.label[point]] + (map.doubtful[point] ? ", doubtful" : "");
    for (const text of [map.id[point], label, map.splits[map.split[point]], map.classes[map.suggested[point]]]) {
      row.insertCell().textContent = text;
    }
    return row;
  });
  document.querySelector("#map-list tbody").replaceChildren(...rows);
  at("list-where").value = points.length
    ? `${first + 1} to ${first + rows.length} of ${points.length}`
    : "none";
  at("list-back").disabled = first === 0;
  at("list-on").disabled = first + PAGE >= points.length;
}
for (const id of ["list-label", "list-doubtful"]) at(id).addEventListener("change", () => { first = 0; list(); });
at("list-back").addEventListener("click", () => { first -= PAGE; list(); });
at("list-on").addEventListener("click", () => { first += PAGE; list(); });
at("map-list").addEventListener("toggle", list);

legend();
new ResizeObserver(() => { choose(-1, false); draw(); }).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
