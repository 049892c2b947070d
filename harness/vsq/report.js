/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zoom and read-out. The page is complete without it: paths hold the data in whole steps of time
 * and quantity, so a zoom is a new viewBox, and a value is read back from the path.
 */
"use strict";
(() => {
const root = document.querySelector("[data-unit]");
if (!root)
	return;
const unit = +root.dataset.unit, end = +root.dataset.end / unit;
const [LEFT, INNER, TOP, BOTTOM, WIDTH] = root.dataset.frame.split(" ").map(Number);
const NS = "http://www.w3.org/2000/svg";
document.documentElement.classList.add("js");
const view = { a: 0, b: end };

/* "M0 5l3 -2 4 1" or "M1 2h0m3 4h0" -> two arrays. */
function points(path) {
	if (path.points)
		return path.points;
	const numbers = path.getAttribute("d").match(/-?\d+/g) || [];
	const marks = path.classList.contains("marks");
	const xs = [], ys = [];
	let x = 0, y = 0;
	for (let i = 0; i + 1 < numbers.length; i += marks ? 3 : 2) {
		x += +numbers[i];
		y += +numbers[i + 1];
		xs.push(x);
		ys.push(y);
	}
	return path.points = { xs, ys };
}

/* The last index with xs[i] <= x, or -1. */
function before(xs, x) {
	let low = 0, high = xs.length;
	while (low < high) {
		const middle = low + high >> 1;
		if (xs[middle] <= x)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

const SCALES = {
	time: [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
	rate: [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"], [1, "bit/s"]],
	size: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]],
	number: [[1e6, "M"], [1e3, "k"], [1, ""]],
};

function show(value, quantity, size) {
	if (Math.abs(value) < 1e-12)
		return size === undefined ? "0" : quantity === "time" ? "0 s" : "0";
	const scale = SCALES[quantity] || SCALES.number;
	const [factor, name] = scale.find(([f]) => Math.abs(value) >= f * .9999)
		|| scale[scale.length - 1];
	const v = value / factor;
	const places = size === undefined
		? Math.max(0, 2 - Math.floor(Math.log10(Math.abs(v)) + 1e-9))
		: Math.max(0, -Math.floor(Math.log10(size / factor) + 1e-9));
	return (v.toFixed(Math.min(places, 6)) + " " + name).trim();
}

function ticks(low, high, count) {
	const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
	const size = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * .999);
	const found = [];
	for (let i = Math.ceil(low / size - 1e-9); i <= high / size + 1e-9; i++)
		found.push(i * size);
	return { size, found };
}

function make(parent, name, attributes, text) {
	const node = document.createElementNS(NS, name);
	for (const key in attributes)
		node.setAttribute(key, attributes[key]);
	if (text !== undefined)
		node.textContent = text;
	parent.appendChild(node);
}

const px = step => LEFT + INNER * (step - view.a) / (view.b - view.a);

class Panel {
	constructor(figure) {
		this.figure = figure;
		this.chart = figure.querySelector(".chart");
		this.data = figure.querySelector(".data");
		this.frame = figure.querySelector(".frame");
		this.cursor = figure.querySelector(".cursor");
		this.brush = figure.querySelector(".brush");
		this.ribbon = figure.classList.contains("ribbon");
		this.height = this.chart.viewBox.baseVal.height;
		this.uy = +figure.dataset.uy;
		this.low = +figure.dataset.low;
		this.high = +figure.dataset.high;
		this.floor = figure.dataset.floor === "1";
		this.layers = [...figure.querySelectorAll("path[data-layer]")];
		this.keys = [...figure.querySelectorAll("button.key")];
		this.hidden = new Set();
		this.keys.forEach((key, i) => key.addEventListener("click", () => {
			const on = this.hidden.has(i);
			this.hidden[on ? "delete" : "add"](i);
			key.setAttribute("aria-pressed", on);
			for (const path of figure.querySelectorAll(`[data-layer="${i}"]`))
				if (path.tagName === "path")
					path.style.display = on ? "" : "none";
			this.draw();
		}));
	}
	/* Least and greatest step of y in view, and where a line enters and leaves it. */
	range() {
		if (view.a <= 0 && view.b >= end && !this.hidden.size)
			return [0, this.high];
		let low = Infinity, high = -Infinity;
		this.layers.forEach((path, i) => {
			if (this.hidden.has(i))
				return;
			const { xs, ys } = points(path);
			const line = !path.classList.contains("marks");
			const first = Math.max(0, before(xs, view.a) + (line ? 0 : 1));
			for (let k = first; k < xs.length && xs[k] <= view.b; k++) {
				low = Math.min(low, ys[k]);
				high = Math.max(high, ys[k]);
			}
		});
		if (high < low)
			return [0, this.high];
		if (this.floor)
			low = 0;
		const pad = Math.max((high - low) * .06, 1);
		return [this.floor ? 0 : Math.max(0, low - pad), high + pad];
	}
	draw() {
		this.frame.textContent = "";
		const bottom = this.ribbon ? 32 : this.height - BOTTOM, top = this.ribbon ? 6 : TOP;
		const time = ticks(view.a * unit, view.b * unit, 12);
		for (const t of time.found) {
			const x = px(t / unit);
			make(this.frame, "path", { class: "grid", d: `M${x} ${top}V${bottom}` });
			make(this.frame, "text", { class: "tx", x, y: bottom + 16 },
				show(t, "time", time.size));
		}
		if (this.ribbon) {
			this.data.setAttribute("viewBox", `${view.a} 0 ${view.b - view.a} 10`);
			return;
		}
		const [a, b] = this.range();
		const value = step => this.low + step * this.uy;
		const marks = ticks(value(a), value(b), Math.max(2, (bottom - top) / 34));
		for (const v of marks.found) {
			const y = bottom - (bottom - top) * (v - value(a)) / (value(b) - value(a));
			make(this.frame, "path", { class: "grid", d: `M${LEFT} ${y}h${INNER}` });
			make(this.frame, "text", { class: "ty", x: LEFT - 8, y: y + 4 },
				show(v, this.figure.dataset.quantity, marks.size));
		}
		this.data.setAttribute("viewBox",
			`${view.a} ${this.high - b} ${view.b - view.a} ${b - a}`);
	}
	read(step) {
		this.cursor.style.opacity = step === null ? 0 : .45;
		if (step !== null)
			this.cursor.setAttribute("transform", `translate(${px(step)} 0)`);
		if (this.ribbon) {
			this.figure.querySelector("output").textContent =
				step === null ? "" : "now " + this.state(step);
			return;
		}
		this.layers.forEach((path, i) => {
			const out = this.keys[i].querySelector("output");
			const { xs, ys } = points(path);
			const at = step === null ? -1 : before(xs, step);
			if (step === null || at < 0)
				out.textContent = "";
			else if (path.classList.contains("marks") && !path.classList.contains("dots"))
				out.textContent = `${at + 1}/${xs.length}`;
			else
				out.textContent = show(this.low + ys[at] * this.uy,
					this.figure.dataset.quantity);
		});
	}
	state(step) {
		const names = this.figure.dataset.states.split("|");
		for (const path of this.data.querySelectorAll("path")) {
			path.spans ||= [...path.getAttribute("d").matchAll(/M(\d+) 0h(\d+)/g)]
				.map(m => [+m[1], +m[1] + +m[2]]);
			if (path.spans.some(([a, b]) => step >= a && step < b))
				return names[+path.dataset.state];
		}
		return names[0];
	}
	step(event) {
		const box = this.chart.getBoundingClientRect();
		const x = (event.clientX - box.left) * WIDTH / box.width;
		const share = Math.min(1, Math.max(0, (x - LEFT) / INNER));
		return view.a + share * (view.b - view.a);
	}
}

const panels = [...document.querySelectorAll(".panel")].map(figure => new Panel(figure));
const clock = document.querySelector(".tools output");

function zoom(a, b) {
	const least = Math.max(50, end / 1e5);
	if (b - a < least) {
		const middle = (a + b) / 2;
		a = middle - least / 2;
		b = middle + least / 2;
	}
	const span = Math.min(end, b - a);
	view.a = Math.max(0, Math.min(a, end - span));
	view.b = view.a + span;
	panels.forEach(panel => panel.draw());
	tell(null);
}

function tell(step) {
	panels.forEach(panel => panel.read(step));
	clock.textContent = step !== null ? "t = " + (step * unit / 1e9).toFixed(4) + " s"
		: view.a > 0 || view.b < end
			? `${(view.a * unit / 1e9).toFixed(3)} to ${(view.b * unit / 1e9).toFixed(3)} s`
			: "drag over a plot to zoom";
}

function around(step, factor) {
	zoom(step - (step - view.a) * factor, step + (view.b - step) * factor);
}

for (const panel of panels) {
	const hit = panel.figure.querySelector(".hit");
	let from = null;
	const brush = (a, b) => panels.forEach(p => {
		p.brush.setAttribute("x", Math.min(px(a), px(b)));
		p.brush.setAttribute("width", Math.abs(px(b) - px(a)));
	});
	hit.addEventListener("pointerdown", event => {
		from = panel.step(event);
		hit.setPointerCapture(event.pointerId);
	});
	hit.addEventListener("pointermove", event => {
		const step = panel.step(event);
		if (from !== null)
			brush(from, step);
		tell(step);
	});
	const stop = event => {
		if (from === null)
			return;
		const to = panel.step(event), a = from;
		from = null;
		brush(0, 0);
		if (Math.abs(px(to) - px(a)) > 6)
			zoom(Math.min(a, to), Math.max(a, to));
	};
	hit.addEventListener("pointerup", stop);
	hit.addEventListener("pointercancel", () => { from = null; brush(0, 0); });
	hit.addEventListener("pointerleave", () => from === null && tell(null));
	hit.addEventListener("dblclick", () => zoom(0, end));
	hit.addEventListener("wheel", event => {
		if (!event.ctrlKey && !event.shiftKey)
			return;
		event.preventDefault();
		around(panel.step(event), (event.deltaY || event.deltaX) > 0 ? 1.25 : .8);
	}, { passive: false });
}
const pan = share => {
	const by = (view.b - view.a) * share;
	zoom(view.a + by, view.b + by);
};
const acts = {
	in: () => around((view.a + view.b) / 2, .5),
	out: () => around((view.a + view.b) / 2, 2),
	left: () => pan(-.25), right: () => pan(.25), all: () => zoom(0, end),
};
for (const button of document.querySelectorAll(".tools button"))
	button.addEventListener("click", () => acts[button.dataset.act]());
addEventListener("keydown", event => {
	const act = { "+": "in", "=": "in", "-": "out", "0": "all", ArrowLeft: "left",
		ArrowRight: "right" }[event.key];
	if (act && !event.ctrlKey && !event.metaKey && !event.altKey) {
		acts[act]();
		event.preventDefault();
	}
});
for (const node of document.querySelectorAll(".nojs"))
	node.classList.remove("nojs");
document.querySelector("#theme").addEventListener("click", () => {
	const dark = getComputedStyle(document.documentElement).getPropertyValue("--page")
		.trim() === "#0f1318";
	document.documentElement.dataset.theme = dark ? "light" : "dark";
});
document.querySelector("#copy")?.addEventListener("click", event => {
	navigator.clipboard?.writeText(document.querySelector("#command").textContent)
		.then(() => event.target.textContent = "copied");
});
const wanted = location.hash.match(/^#t=([\d.]+)-([\d.]+)$/);	/* #t=3-4.5: seconds */
tell(null);
if (wanted)
	zoom(+wanted[1] * 1e9 / unit, +wanted[2] * 1e9 / unit);
})();
