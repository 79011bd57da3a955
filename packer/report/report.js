"use strict";
// The map of the bytes: boxes as large as what they stand for (squarified treemap: Bruls, Huizing, van Wijk, 2000).
// Nodes are [name, bytes, children, bytes before]. Names become text, never markup.
(() => {
  const source = document.getElementById("bytes");
  const map = document.getElementById("map");
  if (!source || !map) return;
  const crumbs = document.getElementById("crumbs");
  const about = document.getElementById("about");
  const root = JSON.parse(source.textContent);
  const whole = root[1];
  const LABEL = 20, LEAST = 3, NARROW = 34, DEEPEST = 3;
  let path = [root];

  const childrenOf = (node) => (Array.isArray(node[2]) ? node[2] : []);

  function human(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    while (bytes >= 1000 && at < units.length - 1) { bytes /= 1000; at += 1; }
    return Number(bytes.toPrecision(3)) + units[at];
  }

  function difference(node) {
    if (typeof node[3] !== "number" || node[3] === node[1]) return "";
    if (node[3] === 0) return ", new";
    const more = node[1] - node[3];
    return more > 0 ? ` ▲ +${human(more)}` : ` ▼ −${human(-more)}`;
  }

  function told(node) {
    const share = whole ? (100 * node[1]) / whole : 0;
    return `${node[0]}: ${human(node[1])}, ${share >= 10 ? Math.round(share) : Number(share.toPrecision(2))} % of all${difference(node)}`;
  }

  // Rows along the shorter side, each as long as its boxes stay nearer to squares.
  function layout(nodes, box) {
    const placed = [];
    const total = nodes.reduce((sum, node) => sum + node[1], 0);
    if (!total || box.w < LEAST || box.h < LEAST) return placed;
    const scale = (box.w * box.h) / total;
    let { x, y, w, h } = box;
    let at = 0;
    while (at < nodes.length) {
      const side = Math.min(w, h);
      let area = 0, end = at, worst = Infinity;
      while (end < nodes.length) {
        const next = area + nodes[end][1] * scale;
        const first = nodes[at][1] * scale, last = nodes[end][1] * scale;
        const shape = Math.max((side * side * first) / (next * next), (next * next) / (side * side * last));
        if (shape > worst) break;
        worst = shape; area = next; end += 1;
      }
      const thick = side ? area / side : 0;
      let along = 0;
      for (; at < end; at += 1) {
        const long = thick ? (nodes[at][1] * scale) / thick : 0;
        placed.push(w >= h
          ? { node: nodes[at], x, y: y + along, w: thick, h: long }
          : { node: nodes[at], x: x + along, y, w: long, h: thick });
        along += long;
      }
      if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
    }
    return placed;
  }

  function put(element, place) {
    element.style.left = `${place.x}px`;
    element.style.top = `${place.y}px`;
    element.style.width = `${place.w}px`;
    element.style.height = `${place.h}px`;
  }

  function label(element, node, place) {
    if (place.w < NARROW || place.h < LABEL) return;
    const name = document.createElement("b");
    name.textContent = place.w > 110 ? `${node[0]} ${human(node[1])}${difference(node)}` : node[0];
    element.append(name);
  }

  // What is in a box, to be seen but not chosen: that is for who looks into it.
  function fill(element, place, colour, depth) {
    if (depth > DEEPEST || place.w < 60 || place.h < 50) return;
    const inner = { x: 2, y: LABEL, w: place.w - 6, h: place.h - LABEL - 4 };
    for (const child of layout(childrenOf(place.node), inner)) {
      if (child.w < LEAST || child.h < LEAST) continue;
      const part = document.createElement("span");
      part.className = `tile k${colour}`;
      part.setAttribute("aria-hidden", "true");
      put(part, child);
      label(part, child.node, child);
      fill(part, child, colour, depth + 1);
      element.append(part);
    }
  }

  function tile(place, number, colour) {
    const node = place.node;
    const leaf = childrenOf(node).length === 0;
    const button = document.createElement("button");
    button.type = "button";
    button.className = `tile k${colour}${leaf ? " leaf" : ""}${node[3] === 0 ? " new" : ""}`;
    button.tabIndex = number === 0 ? 0 : -1;
    button.setAttribute("aria-label", told(node) + (leaf ? "" : ", has more in it"));
    put(button, place);
    label(button, node, place);
    fill(button, place, colour, 1);
    button.addEventListener("click", () => (leaf ? show(node) : enter([...path, node])));
    button.addEventListener("focus", () => show(node));
    button.addEventListener("pointerenter", () => show(node));
    return button;
  }

  function show(node) {
    about.textContent = told(node);
  }

  function enter(to) {
    path = to;
    draw();
    const first = map.querySelector("button");
    if (first) first.focus();
  }

  function draw() {
    const node = path[path.length - 1];
    const places = layout(childrenOf(node), { x: 0, y: 0, w: map.clientWidth, h: map.clientHeight });
    map.replaceChildren(...places.map((place, number) => tile(place, number, number % 8)));
    crumbs.replaceChildren(...path.map((step, depth) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = step[0];
      if (depth === path.length - 1) button.setAttribute("aria-current", "location");
      button.addEventListener("click", () => enter(path.slice(0, depth + 1)));
      item.append(button);
      return item;
    }));
    show(node);
  }

  map.addEventListener("keydown", (event) => {
    const tiles = [...map.querySelectorAll("button")];
    const at = tiles.indexOf(document.activeElement);
    const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: tiles.length - 1 };
    if (event.key in steps && at >= 0) {
      event.preventDefault();
      const next = tiles[Math.max(0, Math.min(tiles.length - 1, steps[event.key]))];
      tiles[at].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    } else if ((event.key === "Escape" || event.key === "Backspace") && path.length > 1) {
      event.preventDefault();
      enter(path.slice(0, -1));
    }
  });

  document.documentElement.classList.add("scripted");
  let width = 0;
  new ResizeObserver(() => {
    if (map.clientWidth !== width) { width = map.clientWidth; draw(); }
  }).observe(map);
})();
