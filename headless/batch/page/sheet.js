
"use strict";
const tools = document.getElementById("tools");
const sheet = document.getElementById("sheet");
const viewer = document.getElementById("viewer");
const boxes = [...tools.querySelectorAll(".chips input")];
const cards = [...sheet.children].map((node) => ({
  node, state: node.dataset.state, key: JSON.parse(node.dataset.key), stage: node.querySelector(".stage"),
}));
const MOVING_PICTURES = /\.(gif|webp|apng|avif)$/i;
let order = cards;
let shown = cards;

// The choices are kept after the # of the address, so that they survive a reload.
function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  tools.find.value = kept.get("find") ?? "";
  tools.order.value = kept.get("order") ?? "0";
  if (tools.order.selectedIndex < 0) tools.order.selectedIndex = 0;
  tools.size.value = kept.get("size") ?? tools.size.value;
  tools.play.checked = (kept.get("play") ?? Number(matchMedia("(hover: none)").matches)) == 1;
  if (kept.has("show")) {
    const states = kept.get("show").split(" ");
    for (const box of boxes) box.checked = states.includes(box.value);
  }
}

function remember() {
  const kept = new URLSearchParams({
    find: tools.find.value, order: tools.order.value, size: tools.size.value,
    play: Number(tools.play.checked), show: boxes.filter((box) => box.checked).map((box) => box.value).join(" "),
  });
  location.replace(`#${kept}`);
}

function arrange() {
  const place = tools.order.selectedIndex;
  const turn = Number(tools.order.selectedOptions[0].dataset.falls) ? -1 : 1;
  const compare = (one, two) => {
    const [a, b] = [one.key[place], two.key[place]];
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number") return turn * (a - b);
    return turn * a.localeCompare(b, undefined, { numeric: true });
  };
  order = [...cards].sort(compare);
  sheet.append(...order.map((card) => card.node));
  filter();
}

function filter() {
  const words = tools.find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const states = boxes.length ? boxes.filter((box) => box.checked).map((box) => box.value) : null;
  shown = order.filter((card) => {
    card.text ??= card.node.textContent.toLowerCase();
    const fits = (!states || states.includes(card.state)) && words.every((word) => card.text.includes(word));
    card.node.hidden = !fits;
    return fits;
  });
  document.getElementById("nothing").hidden = shown.length > 0;
  tools.querySelector("#count").textContent = `${shown.length} of ${cards.length}`;
}

const resize = () => document.documentElement.style.setProperty("--size", `${tools.size.value}px`);

function moving(link) {
  if (link.dataset.kind === "video") {
    const video = document.createElement("video");
    Object.assign(video, { muted: true, loop: true, playsInline: true, src: link.href });
    return video;
  }
  if (link.dataset.kind !== "image" || !MOVING_PICTURES.test(decodeURI(link.pathname))) return null;
  return Object.assign(new Image(), { src: link.href });
}

function play(link) {
  if (!link.dataset.kind || link.querySelector(".moving")) return;
  const piece = moving(link);
  if (!piece) return;
  piece.classList.add("moving");
  if (link.querySelector(".tiny")) piece.classList.add("tiny");
  const seen = () => link.classList.add("plays");
  piece.addEventListener(piece.play ? "playing" : "load", seen);
  piece.addEventListener("error", () => rest(link));
  link.append(piece);
  piece.play?.().catch(() => {});
}

function rest(link) {
  link.classList.remove("plays");
  for (const piece of link.querySelectorAll(".moving")) {
    piece.pause?.();
    piece.remove();
    piece.removeAttribute("src");
    piece.load?.();  // releases the file
  }
}

const isWatched = (stage) => stage.matches(":hover, :focus-visible");
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) isIntersecting ? play(target) : rest(target);
});

function playAll() {
  for (const { stage } of cards) {
    if (tools.play.checked) watch.observe(stage);
    else {
      watch.unobserve(stage);
      if (!isWatched(stage)) rest(stage);
    }
  }
}

function onScreen(link) {
  if (!link.href) {
    const words = link.cloneNode(true);
    return words.querySelector(".error") ?? words.firstElementChild;
  }
  const kinds = { image: "img", video: "video", audio: "audio" };
  const piece = document.createElement(kinds[link.dataset.kind] ?? "a");
  if (piece.href !== undefined) return Object.assign(piece, { href: link.href, textContent: "Open the file" });
  if (link.querySelector(".tiny")) piece.classList.add("tiny");
  piece.addEventListener("error", () => piece.replaceWith(Object.assign(
    document.createElement("a"), { href: link.href, textContent: "This browser cannot show the file: open it" })));
  if (piece.play) Object.assign(piece, { controls: true, loop: true, muted: true, autoplay: true, playsInline: true });
  return Object.assign(piece, { src: link.href });
}

function look(card, link = card.stage) {
  for (const { stage } of cards) if (!tools.play.checked) rest(stage);
  viewer.card = card;
  viewer.querySelector(".screen").replaceChildren(onScreen(link));
  const about = card.node.querySelector(".caption").cloneNode(true);
  if (card.node.querySelector(".other")) about.querySelector(".others").prepend(card.stage.cloneNode(true));
  about.querySelector(".others > .stage")?.setAttribute("class", "other");
  if (link.href) {
    const name = document.createElement("a");
    about.append(Object.assign(name, { className: "file", href: link.href, textContent: link.getAttribute("aria-label") }));
  }
  const common = [...document.querySelectorAll("header .prompt, header .facts")];
  viewer.querySelector(".about").replaceChildren(about, ...common.map((each) => each.cloneNode(true)));
  if (!viewer.open) viewer.showModal();
  viewer.focus();  // the focused element may be gone
}

function go(steps) {
  const next = shown[shown.indexOf(viewer.card) + steps];
  if (next) look(next);
}

function step(event) {
  const at = shown.findIndex((card) => card.stage === document.activeElement);
  if (at < 0) return;
  const top = shown[0].node.offsetTop;
  const columns = shown.findIndex((card) => card.node.offsetTop !== top);
  const row = columns < 0 ? shown.length : columns;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[event.key];
  const next = shown[at + steps];
  if (!next) return;
  event.preventDefault();
  next.stage.focus();
}

const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.button);

sheet.addEventListener("pointerover", (event) => {
  const link = event.target.closest(".stage");
  if (link && !link.contains(event.relatedTarget)) play(link);
});
sheet.addEventListener("pointerout", (event) => {
  const link = event.target.closest(".stage");
  if (link && !link.contains(event.relatedTarget) && !tools.play.checked) rest(link);
});
sheet.addEventListener("focusin", (event) => event.target.matches(".stage:focus-visible") && play(event.target));
sheet.addEventListener("focusout", (event) => event.target.matches(".stage") && !tools.play.checked && rest(event.target));
sheet.addEventListener("click", (event) => {
  const link = event.target.closest(".stage, .other");
  if (!link || !isPlain(event)) return;
  event.preventDefault();
  look(cards.find((card) => card.node.contains(link)), link);
});
sheet.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("div.stage")) event.target.click();
  else if (event.key.startsWith("Arrow") && isPlain(event)) step(event);
});
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const link = event.target.closest("a.other");
  if (button?.dataset.go) go(Number(button.dataset.go));
  else if (button) viewer.close();
  else if (link && isPlain(event)) {
    event.preventDefault();
    look(viewer.card, link);
  }
});
viewer.addEventListener("keydown", (event) => {
  if (!isPlain(event)) return;
  const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const piece = viewer.querySelector(".screen video, .screen audio");
  if (steps) go(steps);
  else if (event.key === " " && piece && event.target === viewer) piece.paused ? piece.play() : piece.pause();
  else return;
  event.preventDefault();
}, true);
viewer.addEventListener("close", () => {
  viewer.querySelector(".screen").replaceChildren();
  viewer.card.stage.scrollIntoView({ block: "nearest" });
  viewer.card.stage.focus();
});
document.addEventListener("keydown", (event) => {
  if (!isPlain(event) || viewer.open || event.target.matches("input[type=search], select")) return;
  if (event.key === "/") tools.find.focus();
  else if (event.key === "p") tools.play.click();
  else return;
  event.preventDefault();
});
document.addEventListener("error", ({ target }) => {
  if (target.matches(".card img:not(.moving)")) target.replaceWith(Object.assign(
    document.createElement("span"), { textContent: target.parentNode.getAttribute("aria-label") }));
}, true);
document.addEventListener("visibilitychange", () => {
  const isLive = "live" in document.documentElement.dataset;
  if (isLive && document.visibilityState === "visible" && !viewer.open) location.reload();
});

document.querySelector(".standing a")?.addEventListener("click", (event) => {
  event.preventDefault();  // its address would lose the choices
  location.reload();
});

let typing = 0;
tools.addEventListener("submit", (event) => event.preventDefault());
tools.addEventListener("input", ({ target }) => {
  if (target === tools.find) {
    clearTimeout(typing);
    typing = setTimeout(() => { filter(); remember(); }, 120);
    return;
  }
  if (target === tools.order) arrange();
  else if (target === tools.size) resize();
  else if (target === tools.play) playAll();
  else filter();
  if (target !== tools.size) remember();
});
tools.addEventListener("change", remember);

recall();
tools.hidden = false;
for (const { stage } of cards) if (stage.matches("div:not(.empty)")) stage.tabIndex = 0;
resize();
arrange();
if (tools.play.checked) playAll();
