"use strict";
const $ = id => document.getElementById(id);
const canvas = $("canvas"), paint = canvas.getContext("2d");
const state = { file: null, bitmap: null, name: "picture", handle: null, found: [], size: null, off: new Set(), at: -1,
  boxes: [], drag: null, suggested: null, asked: null, busy: false };
const colors = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#800000", "#808000", "#000075",
  "#c2185b", "#00838f", "#558b2f", "#6d4c41", "#283593", "#ad1457"];

function say(text, isWrong = false) { $("status").textContent = text; $("status").classList.toggle("wrong", isWrong); }
function headers(more = {}) { const token = $("token").value.trim(); return token ? { ...more, Authorization: "Bearer " + token } : more; }
function words() { return $("words").value.split(/[,\n]/).map(w => w.trim()).filter((w, i, all) => w && all.indexOf(w) === i); }
function labels() { return [...new Set(state.found.map(d => d.label))]; }
function color(label) { return colors[labels().indexOf(label) % colors.length]; }
function threshold() { return Number($("threshold").value); }
function shown() { return state.found.map((d, i) => [d, i]).filter(([d]) => d.score >= threshold() && !state.off.has(d.label)); }

async function call(path, options) {
  const answer = await fetch(path, options);
  if (answer.ok) return answer;
  let reason = answer.status + "";
  try { reason = (await answer.json()).error; } catch { /* No reason was given. */ }
  if (answer.status === 401) { document.querySelector("details").open = true; $("token").focus(); }
  throw Object.assign(new Error(reason), { status: answer.status });
}

async function describe() {
  try {
    const [model] = (await (await call("/v1/models", { headers: headers() })).json()).models;
    $("model").textContent = `${model.name}: finds objects of any named class in a picture.`;
    $("masks").disabled = !model.masks;
    if (!model.masks) $("masks").checked = false;
    $("calibrated-row").hidden = !model.calibrated;
    $("vocabulary").replaceChildren($("vocabulary").options[0],
      ...model.vocabularies.map(name => new Option(name, name)));
    if (!$("words").value && model.classes.length) $("words").placeholder = model.classes.slice(0, 12).join(", ");
  } catch (error) { say(error.message, true); }
}

async function open(file, name) {
  if (!file) return;
  try { state.bitmap = await createImageBitmap(file); } catch {
    say("The browser cannot show this file; the server may read it all the same.", true);
    return;
  }
  Object.assign(state, { file, name: name || file.name || "picture", handle: null, found: [], boxes: [], at: -1, asked: null,
    size: { width: state.bitmap.width, height: state.bitmap.height } });
  canvas.width = state.bitmap.width; canvas.height = state.bitmap.height;
  $("hint").hidden = true; $("find").disabled = false;
  say(`${state.name}: ${canvas.width} x ${canvas.height} pixels`);
  boxes(); show();
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function query() {
  const ask = new URLSearchParams();
  if ($("vocabulary").value) ask.set("vocabulary", $("vocabulary").value);
  else for (const word of words()) ask.append("classes", word);
  if ($("masks").checked) ask.set("masks", "true");
  if ($("calibrated").checked) ask.set("calibrated", "true");
  ask.set("score_threshold", "0.02");
  return ask;
}

async function find() {
  if (!state.file || state.busy) return;
  state.busy = true; $("find").disabled = true; say("Looking…");
  const start = performance.now();
  try {
    const ask = query();
    let answer;
    if (state.boxes.length) {
      const body = { picture: { name: state.name, data: await base64(state.file) }, examples: state.boxes };
      for (const [key, value] of ask) key === "classes" ? (body.classes ||= []).push(value) : body[key] = value;
      answer = await call("/v1/detect", { method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body) });
    } else {
      try {
        if (!state.handle) {
          const made = await call("/v1/encode?name=" + encodeURIComponent(state.name), { method: "POST", headers: headers({ "Content-Type": "application/octet-stream" }), body: state.file });
          state.handle = (await made.json()).encoded;
        }
        answer = await call("/v1/detect?" + ask + "&encoded=" + state.handle, { method: "POST", headers: headers() });
      } catch (error) {
        if (error.status !== 403 && error.status !== 404) throw error;
        state.handle = null;
        ask.set("name", state.name);
        answer = await call("/v1/detect?" + ask, { method: "POST", headers: headers({ "Content-Type": "application/octet-stream" }), body: state.file });
      }
    }
    const result = await answer.json();
    Object.assign(state, { found: result.detections, off: new Set(), at: -1, asked: query() });
    times(answer.headers.get("Server-Timing"), performance.now() - start);
    for (const detection of state.found) detection.mask = mask(detection.segmentation);
    suggest();
    say(`${state.found.length} possible objects`);
  } catch (error) { say(error.message, true); }
  state.busy = false; $("find").disabled = false;
  show();
}

/// The pixels of COCO's compressed run lengths, as a small canvas and its place.
function mask(segmentation) {
  if (!segmentation) return null;
  const [height, width] = segmentation.size, text = segmentation.counts, counts = [];
  for (let p = 0; p < text.length;) {
    let value = 0, k = 0, more = true;
    while (more) {
      const c = text.charCodeAt(p++) - 48;
      value |= (c & 31) << 5 * k; more = (c & 32) !== 0; k++;
      if (!more && c & 16) value |= -1 << 5 * k;
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value);
  }
  return { height, width, counts };
}

function paintMask(detection) {
  const { height, counts } = detection.mask;
  paint.fillStyle = color(detection.label);
  let place = 0;
  counts.forEach((count, i) => {
    if (i % 2) for (let rest = count, at = place; rest > 0;) {
      const x = Math.floor(at / height), y = at % height, run = Math.min(rest, height - y);
      paint.fillRect(x, y, 1, run); at += run; rest -= run;
    }
    place += count;
  });
}

/// The threshold between two groups of scores whose variances within are least (Otsu).
function suggest() {
  const scores = state.found.map(d => d.score).sort((a, b) => a - b);
  state.suggested = null;
  if (scores.length >= 4) {
    let best = -1;
    for (let i = 1; i < scores.length; i++) {
      const low = scores.slice(0, i), high = scores.slice(i), mean = list => list.reduce((a, b) => a + b, 0) / list.length;
      const between = low.length * high.length * (mean(high) - mean(low)) ** 2;
      if (between > best) { best = between; state.suggested = Math.floor(50 * (scores[i] + scores[i - 1])) / 100; }
    }
  }
  $("suggest").disabled = state.suggested === null;
  $("suggest").textContent = state.suggested === null ? "Use the suggested threshold" : `Use the suggested threshold, ${state.suggested.toFixed(2)}`;
}

function times(header, whole) {
  const rows = (header || "").split(",").map(part => part.trim().match(/^(\w+);dur=([\d.]+)$/)).filter(Boolean).map(m => [m[1], Number(m[2])]);
  rows.push(["whole, with the way", whole]);
  $("times").replaceChildren(...rows.flatMap(([name, time]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name; dd.textContent = time.toFixed(1) + " ms";
    return [dt, dd];
  }));
}

function show() { draw(); list(); histogram(); for (const b of document.querySelectorAll("[data-copy]")) b.disabled = !state.asked; }

function draw() {
  if (!state.bitmap) return;
  paint.globalAlpha = 1;
  paint.drawImage(state.bitmap, 0, 0);
  const visible = shown(), line = Math.max(2, Math.round(Math.min(canvas.width, canvas.height) / 200));
  paint.globalAlpha = 0.45;
  if ($("masks").checked) for (const [d, i] of [...visible].reverse()) if (d.mask && (state.at < 0 || state.at === i)) paintMask(d);
  paint.font = `600 ${Math.max(11, line * 6)}px system-ui, sans-serif`;
  paint.textBaseline = "top";
  for (const [d, i] of [...visible].reverse()) {
    const [x, y, w, h] = d.box, text = `${d.label} ${d.score.toFixed(2)}`, high = Math.max(11, line * 6) + 4;
    paint.globalAlpha = state.at < 0 || state.at === i ? 1 : 0.25;
    paint.strokeStyle = color(d.label); paint.lineWidth = state.at === i ? 2 * line : line; paint.strokeRect(x, y, w, h);
    if (state.at < 0 || state.at === i) {
      paint.fillStyle = color(d.label);
      const wide = paint.measureText(text).width + 6, top = y >= high ? y - high : y;
      const left = Math.max(0, Math.min(x, canvas.width - wide));
      paint.fillRect(left, top, wide, high); paint.fillStyle = "#fff"; paint.fillText(text, left + 3, top + 2);
    }
  }
  paint.globalAlpha = 1;
  paint.setLineDash([6, 4]); paint.strokeStyle = "#ffd400"; paint.lineWidth = line;
  for (const { box: [x, y, w, h] } of state.boxes) paint.strokeRect(x, y, w, h);
  if (state.drag) paint.strokeRect(state.drag.x, state.drag.y, state.drag.w, state.drag.h);
  paint.setLineDash([]);
  canvas.setAttribute("aria-label", `${state.name}: ` + (visible.length ? visible.slice(0, 20).map(([d]) => d.label).join(", ") : "nothing marked"));
}

function list() {
  const counts = new Map();
  for (const d of state.found) if (d.score >= threshold()) counts.set(d.label, (counts.get(d.label) || 0) + 1);
  $("classes").replaceChildren(...labels().map(label => {
    const item = document.createElement("li"), row = document.createElement("label"), box = document.createElement("input"), dot = document.createElement("span");
    row.className = "check"; box.type = "checkbox"; box.checked = !state.off.has(label); dot.className = "color"; dot.style.background = color(label);
    box.addEventListener("change", () => { box.checked ? state.off.delete(label) : state.off.add(label); show();
      [...$("classes").querySelectorAll("input")][labels().indexOf(label)]?.focus(); });
    row.append(box, dot, `${label} (${counts.get(label) || 0})`); item.append(row);
    item.addEventListener("mouseenter", () => { paintOnly(label); }); item.addEventListener("mouseleave", draw);
    return item;
  }));
  $("objects").replaceChildren(...shown().map(([d, i]) => {
    const item = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("span");
    dot.className = "color"; dot.style.background = color(d.label); button.type = "button";
    button.append(dot, `${d.label} ${d.score.toFixed(3)}`);
    const mark = () => { state.at = i; draw(); }, leave = () => { state.at = -1; draw(); };
    button.addEventListener("mouseenter", mark); button.addEventListener("mouseleave", leave);
    button.addEventListener("focus", mark); button.addEventListener("blur", leave);
    item.append(button); return item;
  }));
}

function paintOnly(label) { const off = state.off; state.off = new Set(labels().filter(l => l !== label)); draw(); state.off = off; }

function histogram() {
  const bins = new Array(40).fill(0), svg = $("scores");
  for (const d of state.found) bins[Math.min(39, Math.floor(d.score * 40))]++;
  const most = Math.max(1, ...bins), make = (tag, values) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const key in values) node.setAttribute(key, values[key]);
    return node;
  };
  svg.replaceChildren(...bins.map((count, i) => make("rect", { x: i * 5 + .5, width: 4, y: 46 - 44 * count / most, height: 44 * count / most })),
    make("line", { x1: threshold() * 200, x2: threshold() * 200, y1: 0, y2: 48 }),
    ...(state.suggested === null ? [] : [make("line", { class: "suggested", x1: state.suggested * 200, x2: state.suggested * 200, y1: 0, y2: 48 })]));
  svg.setAttribute("aria-label", `Distribution of ${state.found.length} scores, ${shown().length} at or above ${threshold().toFixed(2)}`);
}

function boxes() {
  $("boxes").replaceChildren(...state.boxes.map((example, i) => {
    const item = document.createElement("li"), remove = document.createElement("button");
    remove.type = "button"; remove.textContent = "Remove"; remove.setAttribute("aria-label", `Remove ${example.class} ${example.box.join(", ")}`);
    remove.addEventListener("click", () => { state.boxes.splice(i, 1); boxes(); draw(); });
    item.append(`${example.class}: ${example.box.join(", ")} `, remove); return item;
  }));
}

function addBox(box) {
  if (!state.bitmap || !(box[2] > 0 && box[3] > 0)) return;
  state.boxes.push({ class: $("example-name").value.trim() || "mine", box });
  boxes(); draw();
}

function quoted(text) { return "'" + text.replaceAll("'", "'\\''") + "'"; }

function copy(kind) {
  const visible = shown().map(([d]) => { const { mask: _, ...rest } = d; return rest; });
  const names = labels(), address = location.origin + "/v1/detect?" + state.asked, token = $("token").value.trim();
  const text = {
    json: () => JSON.stringify({ file: state.name, ...state.size, detections: visible }),
    coco: () => JSON.stringify(visible.map(d => ({ image_id: 1, file_name: state.name, category_id: names.indexOf(d.label) + 1, category_name: d.label,
      bbox: d.box, score: d.score, ...(d.segmentation ? { segmentation: d.segmentation } : {}) }))),
    curl: () => `curl ${token ? '-H "Authorization: Bearer $TOKEN" ' : ""}--data-binary @${quoted(state.name)} ${quoted(address)}`,
    command: () => `fvlm detect ${quoted(state.name)} --model MODEL ${$("vocabulary").value ? `--vocabulary ${quoted($("vocabulary").value + ".safetensors")}` : words().length ? `--classes ${quoted(words().join(", "))}` : ""} --score-threshold ${threshold().toFixed(2)}${$("masks").checked ? " --masks" : ""} --json`,
  }[kind]();
  $("copied").value = text;
  navigator.clipboard?.writeText(text).then(() => say("Copied"), () => { $("copied").select(); say("Select and copy the text below the buttons"); });
}

async function camera() {
  const video = $("video");
  if (video.srcObject) {
    const shot = document.createElement("canvas");
    shot.width = video.videoWidth; shot.height = video.videoHeight;
    shot.getContext("2d").drawImage(video, 0, 0);
    video.srcObject.getTracks().forEach(track => track.stop());
    video.srcObject = null; video.hidden = true; $("camera").textContent = "Camera";
    shot.toBlob(blob => open(blob, "camera.jpg"), "image/jpeg", 0.92);
    return;
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    video.hidden = false; await video.play(); $("camera").textContent = "Take the picture";
  } catch { say("There is no camera that the page may use.", true); }
}

$("find").addEventListener("click", find);
$("file").addEventListener("change", () => open($("file").files[0]));
$("camera").addEventListener("click", camera);
$("threshold").addEventListener("input", () => { $("threshold-value").textContent = threshold().toFixed(2); show(); });
$("suggest").addEventListener("click", () => { $("threshold").value = state.suggested; $("threshold").dispatchEvent(new Event("input")); });
$("masks").addEventListener("change", draw);
$("token").addEventListener("change", describe);
$("words").addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find(); });
$("add-box").addEventListener("click", () => addBox(["box-x", "box-y", "box-w", "box-h"].map(id => Number($(id).value))));
$("drawing").addEventListener("change", () => canvas.classList.toggle("drawing", $("drawing").checked));
for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button.dataset.copy));
$("objects").addEventListener("keydown", event => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], all = [...$("objects").querySelectorAll("button")];
  if (!step) return;
  event.preventDefault();
  all[Math.max(0, Math.min(all.length - 1, all.indexOf(document.activeElement) + step))]?.focus();
});
for (const name of ["dragover", "dragleave", "drop"]) $("drop").addEventListener(name, event => {
  event.preventDefault();
  $("drop").classList.toggle("over", name === "dragover");
  if (name === "drop") open(event.dataTransfer.files[0]);
});
document.addEventListener("paste", event => open([...event.clipboardData.files].find(file => file.type.startsWith("image/"))));
const point = event => {
  const frame = canvas.getBoundingClientRect();
  return [(event.clientX - frame.left) * canvas.width / frame.width, (event.clientY - frame.top) * canvas.height / frame.height];
};
canvas.addEventListener("pointerdown", event => {
  if (!$("drawing").checked || !state.bitmap) return;
  const [x, y] = point(event);
  canvas.setPointerCapture(event.pointerId);
  state.drag = { x0: x, y0: y, x, y, w: 0, h: 0 };
});
canvas.addEventListener("pointermove", event => {
  const [x, y] = point(event);
  if (state.drag) {
    const { x0, y0 } = state.drag;
    Object.assign(state.drag, { x: Math.min(x, x0), y: Math.min(y, y0), w: Math.abs(x - x0), h: Math.abs(y - y0) });
    draw();
  } else if (state.found.length) {
    const under = shown().filter(([{ box }]) => x >= box[0] && y >= box[1] && x <= box[0] + box[2] && y <= box[1] + box[3])
      .sort((a, b) => a[0].box[2] * a[0].box[3] - b[0].box[2] * b[0].box[3])[0];
    const at = under ? under[1] : -1;
    if (at !== state.at) { state.at = at; draw(); }
  }
});
canvas.addEventListener("pointerup", () => {
  if (!state.drag) return;
  const { x, y, w, h } = state.drag;
  state.drag = null;
  w > 3 && h > 3 ? addBox([x, y, w, h].map(Math.round)) : draw();
});
canvas.addEventListener("pointerleave", () => { if (!state.drag && state.at >= 0) { state.at = -1; draw(); } });
describe();
