"use strict";
// The map of the bytes: boxes as large as what they stand for (squarified treemap: Bruls, Huizing, van Wijk, 2000).
// Nodes are [name, bytes, children, bytes before]. Names become text, never markup.
(() => {
  const source = document.getElementById("bytes");
  const map = document.getElementById("map");
  if (!source || !map) return;
  const crumbs = document.getElementById("crumbs");
  const about = document.getElementById("about");
  const said = document.getElementById("said");
  const rows = document.getElementById("rows");
  const root = JSON.parse(source.textContent);
  const whole = root[1];
  const LABEL = 20, LEAST = 3, NARROW = 34, LETTER = 6.6, DEEPEST = 3, ROWS = 12, HITS = 30;
  let path = [root];
  let places = [];
  let marked = null; // what a search found, and all that it is in

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
    return `${node[0]} ${human(node[1])}${difference(node)}, ${share >= 10 ? Math.round(share) : Number(share.toPrecision(2))} % of all`;
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

  // The end of a path that doesn't fit tells more than its beginning, which others have too.
  function fitting(name, letters) {
    while (name.length > letters && /[^/]\/[^/ ]/.test(name)) {
      const end = name.slice(name.indexOf("/") + 1).trimStart();
      if (/^v\d+( |$)/.test(end)) break; // a module's version says nothing by itself
      name = end;
    }
    return name;
  }

  function label(element, node, place) {
    if (place.w < NARROW || place.h < LABEL) return;
    const name = document.createElement("b");
    const end = place.w > 110 ? ` ${human(node[1])}${difference(node)}` : "";
    name.textContent = fitting(node[0], (place.w - 10) / LETTER - end.length) + end;
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
    button.className = `tile k${colour}${leaf ? " leaf" : ""}${node[3] === 0 ? " new" : ""}${sign(node)}`;
    button.tabIndex = number === 0 ? 0 : -1;
    button.setAttribute("aria-label", told(node) + (leaf ? "" : ", has more in it"));
    put(button, place);
    label(button, node, place);
    button.addEventListener("click", () => (leaf ? show(node) : enter([...path, node])));
    button.addEventListener("focus", () => show(node));
    button.addEventListener("pointerenter", () => show(node));
    return button;
  }

  // Lies over the box, and lets the pointer through to it.
  function within(place, colour) {
    const layer = document.createElement("div");
    layer.className = `within${sign(place.node)}`;
    layer.setAttribute("aria-hidden", "true");
    put(layer, place);
    fill(layer, place, colour, 1);
    return layer;
  }

  function sign(node) {
    return marked === null ? "" : marked.has(node) ? " hit" : " miss";
  }

  function show(node) {
    about.textContent = told(node);
  }

  // Look into the last of these; the focus goes to one of its boxes, or to the first.
  function enter(to, chosen) {
    path = to;
    draw();
    const at = Math.max(0, places.findIndex((place) => place.node === chosen));
    const tiles = map.querySelectorAll(":scope > button");
    if (tiles.length) { tiles[0].tabIndex = -1; tiles[at].tabIndex = 0; tiles[at].focus(); }
    said.textContent = `${told(to[to.length - 1])}, ${tiles.length} boxes`;
  }

  function back() {
    enter(path.slice(0, -1), path[path.length - 1]);
  }

  function draw() {
    const node = path[path.length - 1];
    places = layout(childrenOf(node), { x: 0, y: 0, w: map.clientWidth, h: map.clientHeight });
    const colour = (number) => number % 8;
    map.replaceChildren(...places.flatMap((place, number) => [tile(place, number, colour(number)), within(place, colour(number))]));
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
    list(node, ROWS);
    show(node);
  }

  function cell(row, kind, inside, name) {
    const made = document.createElement(kind);
    if (name) made.className = name;
    if (kind === "th") made.scope = "row";
    made.append(inside);
    row.append(made);
  }

  function opener(text, does) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", does);
    return button;
  }

  // The same as the map shows, as a table.
  function list(node, most) {
    const table = document.createElement("table");
    table.createCaption().textContent = `In ${node[0]}`;
    const compared = typeof root[3] === "number";
    const head = table.createTHead().insertRow();
    for (const title of ["Name", "Bytes", `Of ${node[0].length > 20 ? "it" : node[0]}`, ...(compared ? ["Change"] : [])]) {
      const one = document.createElement("th");
      one.scope = "col";
      one.textContent = title;
      if (title !== "Name") one.className = "n";
      head.append(one);
    }
    const body = table.createTBody();
    const children = childrenOf(node);
    for (const child of children.slice(0, most)) {
      const row = body.insertRow();
      row.className = sign(child).trim();
      const name = childrenOf(child).length ? opener(child[0], () => enter([...path, child])) : child[0];
      cell(row, "th", name);
      cell(row, "td", human(child[1]), "n");
      cell(row, "td", `${Number(((100 * child[1]) / Math.max(node[1], 1)).toPrecision(2))} %`, "n");
      if (compared) cell(row, "td", difference(child) || "the same", "n");
    }
    const more = children.length > most ? [opener(`All ${children.length}`, () => { list(node, Infinity); })] : [];
    rows.replaceChildren(table, ...more);
  }

  // The box beside this one to the right, left, above or below: the nearest by its middle, and best in the same row or column.
  function beside(at, key) {
    const from = places[at];
    const middle = (place) => [place.x + place.w / 2, place.y + place.h / 2];
    const [x, y] = middle(from);
    let best = at, least = Infinity;
    places.forEach((place, number) => {
      const gaps = { ArrowRight: place.x - (from.x + from.w), ArrowLeft: from.x - (place.x + place.w),
        ArrowDown: place.y - (from.y + from.h), ArrowUp: from.y - (place.y + place.h) };
      if (number === at || gaps[key] < -1) return;
      const [px, py] = middle(place);
      const aside = key === "ArrowRight" || key === "ArrowLeft" ? Math.abs(py - y) : Math.abs(px - x);
      const far = gaps[key] * 2 + aside;
      if (far < least) { least = far; best = number; }
    });
    return best;
  }

  map.addEventListener("keydown", (event) => {
    const tiles = [...map.querySelectorAll(":scope > button")];
    const at = tiles.indexOf(document.activeElement);
    if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") {
      if (at < 0) return;
      event.preventDefault();
      const next = event.key === "Home" ? 0 : event.key === "End" ? tiles.length - 1 : beside(at, event.key);
      tiles[at].tabIndex = -1;
      tiles[next].tabIndex = 0;
      tiles[next].focus();
    } else if ((event.key === "Escape" || event.key === "Backspace") && path.length > 1) {
      event.preventDefault();
      back();
    }
  });

  // Whatever has these letters in its name: [nodes from the root on]. What is inside of a match isn't looked at.
  function found(letters) {
    const hits = [];
    const look = (steps) => {
      for (const child of childrenOf(steps[steps.length - 1])) {
        const next = [...steps, child];
        if (child[0].toLowerCase().includes(letters)) hits.push(next);
        else look(next);
      }
    };
    look([root]);
    return hits.sort((one, other) => other[other.length - 1][1] - one[one.length - 1][1]);
  }

  function seek() {
    const letters = document.getElementById("find").value.trim().toLowerCase();
    const hits = letters ? found(letters) : [];
    marked = letters ? new Set(hits.flat()) : null;
    draw();
    const bytes = hits.reduce((sum, steps) => sum + steps[steps.length - 1][1], 0);
    said.textContent = !letters ? "" : hits.length ? `${hits.length} found, ${human(bytes)} together` : "Nothing has that in its name.";
    document.getElementById("hits").replaceChildren(...hits.slice(0, HITS).map((steps) => {
      const item = document.createElement("li");
      const node = steps[steps.length - 1];
      item.append(opener(steps.slice(1).map((step) => step[0]).join(" › "), () => enter(steps.slice(0, -1), node)), ` ${human(node[1])}`);
      return item;
    }));
  }

  document.getElementById("find").addEventListener("input", seek);
  document.getElementById("seek").addEventListener("submit", (event) => {
    event.preventDefault();
    seek();
    const first = document.querySelector("#hits button");
    if (first) first.click();
  });

  // On paper nothing can be opened.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open]):not(.whole):not(.calls details)")];
    for (const one of opened) one.open = true;
  });
  window.addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  document.documentElement.classList.add("scripted");
  let width = 0;
  new ResizeObserver(() => {
    if (map.clientWidth !== width) { width = map.clientWidth; draw(); }
  }).observe(map);
})();
