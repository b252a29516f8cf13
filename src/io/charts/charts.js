// Draws every <figure data-chart> from the JSON in it: hover for numbers, drag to zoom, double-click for all of it.
"use strict";
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#777777"];
  const PARTS = ["#CC79A7", "#E69F00", "#0072B2"];
  const FAILED = "#b00020";

  const make = (name, attributes, parent, text) => {
    const element = document.createElementNS(NS, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  };
  const html = (name, className, parent, text) => {
    const element = document.createElement(name);
    element.className = className;
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  };
  const number = (v) => {
    if (v === 0) return "0";
    const size = Math.abs(v);
    if (size >= 0.001 && size < 1e5) return String(Number(v.toPrecision(4)));
    return v.toExponential(2);
  };
  const raised = (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]);
  const power = (e) => (Math.abs(e) <= 3 ? number(10 ** e) : "10" + [...String(e)].map(raised).join(""));

  // From data to pixels; low and high are logarithms on logarithmic axes.
  class Axis {
    constructor(scale, low, high, from, to) {
      Object.assign(this, { log: scale === "log", low, high, from, to });
    }
    inner(v) { return this.log ? Math.log10(v) : v; }
    shows(v) { return Number.isFinite(v) && (!this.log || v > 0); }
    place(v) { return this.from + ((this.inner(v) - this.low) / (this.high - this.low)) * (this.to - this.from); }
    back(pixel) { return this.low + ((pixel - this.from) / (this.to - this.from)) * (this.high - this.low); }
    ticks() {
      const span = this.high - this.low;
      const most = Math.max(2, Math.abs(this.to - this.from) / 70);
      if (this.log && span >= 1.5) {
        const every = Math.max(1, Math.ceil(span / most)), out = [];
        for (let e = Math.ceil(this.low); e <= Math.floor(this.high); e++) {
          if (((e % every) + every) % every === 0) out.push([10 ** e, power(e)]);
        }
        return out;
      }
      const low = this.log ? 10 ** this.low : this.low, high = this.log ? 10 ** this.high : this.high;
      if (this.log && span >= 0.3) {
        const out = [];
        for (let e = Math.floor(this.low); e <= this.high; e++) {
          for (const k of span > 0.8 ? [1, 2, 5] : [1, 1.5, 2, 3, 5, 7]) {
            const v = Number((k * 10 ** e).toPrecision(3));
            if (v >= low && v <= high) out.push([v, number(v)]);
          }
        }
        return out;
      }
      const raw = (high - low) / most, unit = 10 ** Math.floor(Math.log10(raw));
      const step = [1, 2, 5, 10].map((k) => k * unit).find((s) => s >= raw * 0.999) || 10 * unit;
      const out = [];
      for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-12); k++) {
        if (!this.log || k > 0) out.push([k * step, number(Number((k * step).toPrecision(10)))]);
      }
      return out;
    }
  }

  const range = (values, scale) => {
    let low = Infinity, high = -Infinity;
    for (const value of values) {
      const v = scale === "log" ? Math.log10(value) : value;
      if (!Number.isFinite(v)) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (low > high) return [0, 1];
    if (high - low < 1e-12) return [low - 0.5, high + 0.5];
    const pad = 0.03 * (high - low);
    return [low - pad, high + pad];
  };

  class Chart {
    constructor(figure, spec) {
      this.figure = figure;
      this.spec = spec;
      this.content = spec.lines || spec.bars;
      this.hidden = new Set();
      this.zoom = null;
      figure.querySelector("svg")?.remove();
      html("figcaption", "", figure, spec.title);
      this.plot = html("div", "plot", figure);
      this.all = html("button", "all", this.plot, "show all");
      this.all.type = "button";
      this.all.hidden = true;
      this.all.onclick = () => this.zoomTo(null);
      this.tip = html("div", "tip", this.plot);
      this.tip.hidden = true;
      if (spec.lines) this.legend();
      new ResizeObserver(() => this.draw()).observe(this.plot);
      this.draw();
      figure.dataset.drawn = "true";
    }

    legend() {
      const box = html("div", "legend", this.figure);
      this.content.series.forEach((s, i) => {
        s.stroke = s.stroke || { colour: PALETTE[i % PALETTE.length], width: 2, dash: "" };
        const button = html("button", s.stroke.width > 2 ? "strong" : "", box);
        button.type = "button";
        button.title = "hide or show";
        const sample = make("svg", { width: 26, height: 8, "aria-hidden": "true" }, button);
        make("line", { x1: 0, y1: 4, x2: 26, y2: 4, stroke: s.stroke.colour, "stroke-width": s.stroke.width,
          "stroke-dasharray": s.stroke.dash }, sample);
        html("span", "", button, s.name);
        button.onclick = () => {
          if (!this.hidden.delete(i)) this.hidden.add(i);
          button.classList.toggle("off", this.hidden.has(i));
          this.draw();
        };
        button.onmouseenter = () => this.highlight(i);
        button.onmouseleave = () => this.highlight(null);
      });
    }

    highlight(i) {
      for (const g of this.plot.querySelectorAll("g[data-series]")) {
        g.style.opacity = i === null || Number(g.dataset.series) === i ? "" : "0.12";
      }
    }

    zoomTo(zoom) {
      this.zoom = zoom;
      this.all.hidden = !zoom;
      this.figure.dataset.zoomed = String(Boolean(zoom));
      this.draw();
    }

    draw() {
      const width = Math.max(260, this.plot.clientWidth);
      const state = [width, JSON.stringify(this.zoom), ...this.hidden].join();
      if (state === this.drawn) return;
      Object.assign(this, { width, drawn: state });
      this.svg?.remove();
      this.targets = [];
      if (this.spec.lines) this.drawLines(width);
      else this.drawBars(width);
      this.listen();
    }

    frame(width, height, box, x, y) {
      this.svg = make("svg", { width, height, role: "img", "aria-label": this.spec.title }, null);
      this.plot.prepend(this.svg);
      this.box = box;
      const id = "clip" + Math.random().toString(36).slice(2);
      const clip = make("clipPath", { id }, this.svg);
      make("rect", { x: box.left, y: box.top, width: box.width, height: box.height }, clip);
      for (const [value, label] of x.ticks()) {
        const at = x.place(value);
        make("line", { x1: at, x2: at, y1: box.top, y2: box.top + box.height, class: "grid" }, this.svg);
        make("text", { x: at, y: box.top + box.height + 16, "text-anchor": "middle" }, this.svg, label);
      }
      for (const [value, label] of y ? y.ticks() : []) {
        const at = y.place(value);
        make("line", { x1: box.left, x2: box.left + box.width, y1: at, y2: at, class: "grid" }, this.svg);
        make("text", { x: box.left - 6, y: at + 4, "text-anchor": "end" }, this.svg, label);
      }
      make("rect", { x: box.left, y: box.top, width: box.width, height: box.height, class: "frame" }, this.svg);
      return make("g", { "clip-path": `url(#${id})` }, this.svg);
    }

    drawLines(width) {
      const { x, y, series } = this.content;
      const box = { left: 54, top: 8, width: width - 66, height: Math.min(340, Math.max(220, 0.5 * width)) };
      const shown = series.map((s, i) => [s, i]).filter(([, i]) => !this.hidden.has(i));
      const values = (k) => shown.flatMap(([s]) => s.points.concat(s.band || []).map((p) => p[k]));
      const [xr, yr] = this.zoom || [range(values(0), x.scale), range(values(1), y.scale)];
      const X = new Axis(x.scale, ...xr, box.left, box.left + box.width);
      const Y = new Axis(y.scale, ...yr, box.top + box.height, box.top);
      Object.assign(this, { X, Y });
      const area = this.frame(width, box.height + 48, box, X, Y);
      const middle = [box.left + box.width / 2, box.top + box.height / 2];
      make("text", { x: middle[0], y: box.top + box.height + 34, "text-anchor": "middle" }, this.svg, x.label);
      make("text", { transform: `translate(12 ${middle[1]}) rotate(-90)`, "text-anchor": "middle" }, this.svg, y.label);
      const shows = (p) => X.shows(p[0]) && Y.shows(p[1]);
      const at = (points) => points.filter(shows).map((p) => [X.place(p[0]), Y.place(p[1]), p]);
      const path = (points) => points.map((p) => p[0].toFixed(1) + "," + p[1].toFixed(1)).join(" ");
      for (const [s, i] of shown.slice().sort((a, b) => a[0].stroke.width - b[0].stroke.width)) {
        const group = make("g", { "data-series": i }, area);
        const { colour, width: w, dash } = s.stroke;
        const pale = w > 2 ? 0.2 : 0.1;
        if (s.band) make("polygon", { points: path(at(s.band)), fill: colour, "fill-opacity": pale }, group);
        const points = at(s.points);
        const corners = s.steps ? points.flatMap((p, k) => (k ? [[p[0], points[k - 1][1]], p] : [p])) : points;
        make("polyline", { points: path(corners), fill: "none", stroke: colour, "stroke-width": w,
          "stroke-dasharray": dash, "stroke-linejoin": "round" }, group);
        for (const p of points) {
          if (s.marks) make("circle", { cx: p[0], cy: p[1], r: 1.5 + w, fill: colour }, group);
          const told = `${s.name}\n${x.label}: ${number(p[2][0])}\n${y.label}: ${number(p[2][1])}`;
          this.targets.push([p[0], p[1], told]);
        }
      }
      this.dot = make("circle", { r: 6, class: "dot", visibility: "hidden" }, this.svg);
    }

    drawBars(width) {
      const { x, parts, bars } = this.content;
      const narrow = width < 560, step = narrow ? 36 : 24;
      const left = narrow ? 8 : Math.min(0.4 * width, 12 + 6.6 * Math.max(...bars.map((b) => b.name.length), 6));
      const longest = Math.max(...bars.map((b) => (b.label || "0.0001").length), 6);
      const box = { left, top: 8, width: width - left - 12 - 6.4 * longest, height: step * bars.length + 8 };
      const most = Math.max(...bars.map((b) => b.parts.reduce((s, v) => s + v, 0)), 1e-300);
      const X = new Axis("linear", ...(this.zoom ? this.zoom[0] : [0, most * 1.02]), box.left, box.left + box.width);
      Object.assign(this, { X, Y: null });
      const area = this.frame(width, box.height + 68, box, X, null);
      bars.forEach((bar, i) => {
        const y = box.top + 6 + step * i + (narrow ? 14 : 0);
        const weight = bar.strong ? 700 : 400;
        make("text", narrow ? { x: left + 2, y: y - 3, "font-weight": weight }
          : { x: left - 6, y: y + 12, "text-anchor": "end", "font-weight": weight }, this.svg, bar.name);
        let from = 0;
        const told = bar.parts.map((v, k) => `${parts[k]}: ${number(v)}`).join("\n");
        bar.parts.forEach((v, k) => {
          const [a, b] = [X.place(from), X.place(from + v)];
          make("rect", { x: a, y, width: Math.max(0, b - a), height: 16,
            fill: bar.failed ? FAILED : PARTS[k % PARTS.length],
            "fill-opacity": bar.failed ? 0.35 + 0.2 * k : 1 }, area);
          from += v;
        });
        const end = Math.min(Math.max(X.place(from), box.left), box.left + box.width);
        const style = { "font-weight": weight, fill: bar.failed ? FAILED : "#333" };
        make("text", { x: end + 5, y: y + 12, ...style }, this.svg, bar.label || number(from));
        const text = `${bar.name}\n${told}\nsum: ${number(from)}`;
        this.targets.push([(box.left + end) / 2, y + 8, text, [box.left, y - 4, width, y + 20]]);
      });
      const bottom = box.top + box.height + 34;
      make("text", { x: box.left + box.width / 2, y: bottom, "text-anchor": "middle" }, this.svg, x.label);
      parts.forEach((part, k) => {
        const at = box.left + k * Math.min(130, box.width / parts.length);
        make("rect", { x: at, y: bottom + 10, width: 12, height: 12, fill: PARTS[k % PARTS.length] }, this.svg);
        make("text", { x: at + 17, y: bottom + 20 }, this.svg, part);
      });
    }

    nearest(x, y) {
      let best = null, least = 40 * 40;
      for (const target of this.targets) {
        const area = target[3];
        if (area) {
          if (x >= area[0] && x <= area[2] && y >= area[1] && y <= area[3]) return target;
          continue;
        }
        const d = (target[0] - x) ** 2 + (target[1] - y) ** 2;
        if (d < least) [least, best] = [d, target];
      }
      return best;
    }

    listen() {
      const svg = this.svg;
      let start = null, shade = null;
      const place = (event) => {
        const box = svg.getBoundingClientRect();
        return [event.clientX - box.left, event.clientY - box.top];
      };
      svg.onpointermove = (event) => {
        const [x, y] = place(event);
        if (start) {
          shade = shade || make("rect", { class: "shade" }, svg);
          const { top, height } = this.Y ? { top: Math.min(y, start[1]), height: Math.abs(y - start[1]) } : this.box;
          const area = { x: Math.min(x, start[0]), y: top, width: Math.abs(x - start[0]), height };
          for (const key in area) shade.setAttribute(key, area[key]);
          return;
        }
        const found = this.nearest(x, y);
        this.tip.hidden = !found;
        this.dot?.setAttribute("visibility", found ? "visible" : "hidden");
        if (!found) return;
        this.dot?.setAttribute("cx", found[0]);
        this.dot?.setAttribute("cy", found[1]);
        this.tip.textContent = found[2];
        const side = found[0] > this.width / 2 ? found[0] - this.tip.offsetWidth - 12 : found[0] + 12;
        this.tip.style.left = Math.max(0, Math.min(side, this.width - this.tip.offsetWidth)) + "px";
        this.tip.style.top = Math.max(0, found[1] - this.tip.offsetHeight - 8) + "px";
      };
      svg.onpointerleave = () => {
        if (!start) this.tip.hidden = true;
      };
      svg.onpointerdown = (event) => {
        // A finger scrolls the page.
        if (event.pointerType !== "mouse" || event.button !== 0) return;
        start = place(event);
        this.tip.hidden = true;
        svg.setPointerCapture(event.pointerId);
        event.preventDefault();
      };
      svg.onpointerup = (event) => {
        if (!start) return;
        const [a, b] = [start, place(event)];
        start = null;
        shade?.remove();
        shade = null;
        const { X, Y } = this;
        const wide = Math.abs(a[0] - b[0]) > 8, high = !Y || Math.abs(a[1] - b[1]) > 8;
        if (!wide || !high) return;
        const of = (axis, p, q) => [axis.back(p), axis.back(q)].sort((s, t) => s - t);
        this.zoomTo([of(X, a[0], b[0]), Y ? of(Y, a[1], b[1]) : null]);
      };
      svg.ondblclick = () => this.zoomTo(null);
    }
  }

  const start = () => {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      new Chart(figure, JSON.parse(figure.querySelector("script").textContent));
    }
  };
  // Charts further down are drawn when the page stands.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
