"use strict";
(function () {
  var rows = Array.prototype.slice.call(document.querySelectorAll(".grid tbody tr"));
  var shown = {}, all = false, words = "";
  function refresh() {
    var any = Object.keys(shown).some(function (v) { return shown[v]; });
    var hidden = 0;
    rows.forEach(function (row) {
      var cells = Array.prototype.slice.call(row.querySelectorAll("td"));
      var fits = !words || row.dataset.check.indexOf(words) >= 0 || row.dataset.family.indexOf(words) >= 0;
      var hit = !any || cells.some(function (c) { return shown[c.dataset.verdict]; });
      var folded = !all && !any && !words && row.dataset.quiet === "1";
      if (folded) { hidden += 1; }
      row.hidden = !fits || !hit || folded;
      cells.forEach(function (c) { c.classList.toggle("faded", any && !shown[c.dataset.verdict]); });
    });
    var more = document.getElementById("more");
    if (more) {
      more.hidden = !hidden && !all;
      more.textContent = all ? "fold checks that pass" : "show " + hidden + " checks that pass or don't apply";
    }
  }
  document.querySelectorAll("button[data-filter]").forEach(function (button) {
    button.addEventListener("click", function () {
      var on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      shown[button.dataset.filter] = on;
      refresh();
    });
  });
  var find = document.getElementById("find"), sort = document.getElementById("sort"), more = document.getElementById("more");
  if (find) { find.addEventListener("input", function () { words = find.value.trim().toLowerCase(); refresh(); }); }
  if (more) { more.addEventListener("click", function () { all = !all; refresh(); }); }
  if (sort) {
    sort.addEventListener("change", function () {
      var by = sort.value;
      rows.slice().sort(function (a, b) {
        if (by === "verdict") { return a.dataset.rank - b.dataset.rank || a.dataset.place - b.dataset.place; }
        if (by === "name") { return a.dataset.check < b.dataset.check ? -1 : 1; }
        return a.dataset.place - b.dataset.place;
      }).forEach(function (row) { row.parentNode.appendChild(row); });
    });
  }
  if (rows.length) { refresh(); }
  function open() {
    var target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (var node = target; node; node = node.parentElement) { if (node.tagName === "DETAILS") { node.open = true; } }
    if (target) { target.scrollIntoView(); }
  }
  window.addEventListener("hashchange", open);
  open();
  window.addEventListener("beforeprint", function () { document.querySelectorAll("section.check details").forEach(function (d) { d.open = true; }); });

  var SVG = "http:" + "//www.w3.org/2000/svg";
  document.querySelectorAll("svg.view3d").forEach(function (svg) {
    var data = JSON.parse(svg.dataset.view), a = 0.35, b = -0.5, size = 320, drag = null;
    var spread = Math.max(Math.cbrt(data.atoms.length), 1.6);
    function project(p) {
      var x = Math.cos(b) * p[0] + Math.sin(b) * p[2], z0 = -Math.sin(b) * p[0] + Math.cos(b) * p[2];
      var y = Math.cos(a) * p[1] - Math.sin(a) * z0, z = Math.sin(a) * p[1] + Math.cos(a) * z0;
      var scale = (size / 2 - 26) * 0.95;
      return [size / 2 + scale * x, size / 2 - scale * y, z];
    }
    function make(name, attributes) {
      var node = document.createElementNS(SVG, name);
      Object.keys(attributes).forEach(function (k) { node.setAttribute(k, attributes[k]); });
      return node;
    }
    function colour(s) {
      var full = [213, 94, 0];
      return "rgb(" + [150, 160, 170].map(function (g, i) { return Math.round(g + (full[i] - g) * s); }).join(",") + ")";
    }
    function line(kind, p, q) { return make("line", { "class": kind, x1: p[0], y1: p[1], x2: q[0], y2: q[1] }); }
    function draw() {
      var points = data.atoms.map(project), parts = [];
      data.bonds.forEach(function (bond) {
        var p = points[bond[0]], q = points[bond[1]];
        parts.push([(p[2] + q[2]) / 2 - 0.01, [line("bond", p, q)]]);
      });
      data.atoms.forEach(function (atom, i) {
        var p = points[i], text = make("text", { x: p[0], y: p[1] + 3 });
        text.textContent = atom[4];
        parts.push([p[2], [make("circle", { cx: p[0], cy: p[1], r: Math.max(30 * atom[5] / spread, 8) * (1 + 0.15 * p[2]), fill: colour(atom[3]) }), text]]);
        if (data.tips.length) {
          var q = project(data.tips[i]);
          if (Math.hypot(q[0] - p[0], q[1] - p[1]) > 4) { parts.push([p[2] + 0.005, [line("arrow", p, q)]]); }
        }
      });
      parts.sort(function (m, n) { return m[0] - n[0]; });
      while (svg.firstChild) { svg.removeChild(svg.firstChild); }
      parts.forEach(function (part) { part[1].forEach(function (node) { svg.appendChild(node); }); });
    }
    svg.addEventListener("pointerdown", function (e) { drag = [e.clientX, e.clientY]; svg.setPointerCapture(e.pointerId); });
    svg.addEventListener("pointermove", function (e) {
      if (!drag) { return; }
      b += (e.clientX - drag[0]) / 100; a += (e.clientY - drag[1]) / 100;
      drag = [e.clientX, e.clientY]; draw();
    });
    ["pointerup", "pointercancel"].forEach(function (kind) { svg.addEventListener(kind, function () { drag = null; }); });
    svg.addEventListener("keydown", function (e) {
      var step = { ArrowLeft: [0, -0.2], ArrowRight: [0, 0.2], ArrowUp: [-0.2, 0], ArrowDown: [0.2, 0] }[e.key];
      if (step) { a += step[0]; b += step[1]; e.preventDefault(); draw(); }
    });
  });
})();
