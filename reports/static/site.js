/* Behaviour of the report pages: choosing areas, searching, sorting, drawing, printing.
   Everything shown comes from the JSON in the page; names are untrusted and only ever become text nodes. */
"use strict";
(() => {
  const D = JSON.parse(document.getElementById("payload").textContent);
  const A = D.areas;
  const N = A.id.length;
  const MISSING = "—";
  const INK = "#1c2733", SOFT = "#5a6673", LINE = "#dfe4e8", ACCENT = "#14597a", WARM = "#b8520f", GREY = "#8b96a0";
  // Steps of one hue from dark to pale, then greys: told apart by lightness, so also in print and by the colour-blind.
  const STEPS = ["#0e3f57", "#2b7595", "#6ba6bf", "#b3d2de", "#4d5761", "#8b96a0", "#c3cad0", "#e3e7ea"];
  const FONT = "Noto Sans SC, Source Han Sans SC, Noto Sans CJK SC, Microsoft YaHei, SimHei, sans-serif";
  const EXTREMES = 30;
  const $ = (id) => document.getElementById(id);

  // ---- text -------------------------------------------------------------------------------------------------
  const S = (key, params) => {
    let sentence = D.strings[key];
    if (sentence === undefined) throw new Error("label missing: " + key);
    for (const name of Object.keys(params || {})) sentence = sentence.split("{" + name + "}").join(String(params[name]));
    return sentence;
  };
  const grouped = (digitsText) => digitsText.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  function num(value, digits) {
    if (value === null || value === undefined) return MISSING;
    const parts = Math.abs(value).toFixed(digits).split(".");
    const shown = grouped(parts[0]) + (parts[1] ? "." + parts[1] : "");
    return (value < 0 && Number(parts.join(".")) !== 0 ? "−" : "") + shown;
  }
  const count = (value) => (value === null || value === undefined ? MISSING : num(value, Number.isInteger(value) ? 0 : 2));
  const tight = (unit) => unit === "%" || unit === "‰";
  const withUnit = (value, digits, unit) =>
    value === null || value === undefined || !unit ? num(value, digits) : num(value, digits) + (tight(unit) ? "" : " ") + unit;
  const range = (lo, hi, digits) =>
    lo === null || hi === null || lo === undefined || hi === undefined ? MISSING : num(lo, digits) + " – " + num(hi, digits);
  // Whole minor units, a fraction rounded half away from zero; then the point is set in the text, so that it is exact.
  function money(minor) {
    if (minor === null || minor === undefined) return MISSING;
    const places = D.currency.decimals;
    const units = Math.round(Math.abs(minor));
    const digits = String(units).padStart(places + 1, "0");
    const whole = places ? digits.slice(0, -places) : digits;
    return (minor < 0 && units ? "−" : "") + grouped(whole) + (places ? "." + digits.slice(-places) : "");
  }
  const moneyUnit = (minor) => (minor === null || minor === undefined ? MISSING : money(minor) + " " + D.currency.major);
  const majorValue = (minor) => Number((minor / 10 ** D.currency.decimals).toFixed(D.currency.decimals));
  const statusWords = (code) => S("status." + D.statuses[code]);
  // Plotly reads a little HTML in its texts; a name must not be able to use it.
  const safe = (words) => String(words).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (words, size) => (words.length > size ? words.slice(0, size - 1) + "…" : words);

  function h(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
    return node;
  }
  const fill = (node, ...children) => node.replaceChildren(...children.flat().filter((child) => child !== null));

  // ---- address: what is chosen stands after '#', so that a view can be linked and kept when switching language
  const chosen = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  function choose(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === "") chosen.delete(key);
      else chosen.set(key, value);
    }
    history.replaceState(null, "", "#" + chosen.toString());
    keepOnSwitch();
  }
  function keepOnSwitch() {
    const link = $("switch");
    link.href = link.getAttribute("href").split("#")[0] + (chosen.toString() ? "#" + chosen.toString() : "");
  }

  // ---- area tree: positions into the lists, level 0 at the top -----------------------------------------------
  const LAST = D.levels.length - 1;
  const byKey = new Map();
  const below = new Map([[-1, []]]);
  for (let i = 0; i < N; i += 1) {
    byKey.set(A.level[i] + ":" + A.id[i], i);
    if (!below.has(A.parent[i])) below.set(A.parent[i], []);
    below.get(A.parent[i]).push(i);
  }
  const keyOf = (i) => A.level[i] + ":" + A.id[i];
  const roots = below.get(-1);
  const TOP = roots.length === 1 ? roots[0] : -1;
  function ancestors(i) {
    const path = [];
    for (let at = i; at !== -1; at = A.parent[at]) path.unshift(at);
    return path;
  }
  const ancestorAt = (i, level) => { let at = i; while (at !== -1 && A.level[at] > level) at = A.parent[at]; return at; };
  function members(level, within) {
    const found = [];
    for (let i = 0; i < N; i += 1) {
      if (A.level[i] === level && (within === -1 || ancestorAt(i, A.level[within]) === within)) found.push(i);
    }
    return found;
  }
  const areaFromHash = (key) => (byKey.has(chosen.get(key)) ? byKey.get(chosen.get(key)) : TOP);

  function trail(node, at, go) {
    const path = at === -1 ? [] : ancestors(at);
    if (TOP === -1) path.unshift(-1);
    fill(node, path.flatMap((i, order) => {
      const name = i === -1 ? S("all") : A.name[i];
      const level = i === -1 ? null : h("span", { class: "soft" }, " " + D.levels[A.level[i]]);
      const item = i === at ? h("b", null, name) : h("a", { href: "#", onclick: (event) => { event.preventDefault(); go(i); } }, name);
      return [order ? h("i", null, "›") : null, item, i === at ? level : null].filter((part) => part !== null);
    }));
  }

  // ---- level and territory choice shared by the comparing pages ------------------------------------------------
  function scope(redraw, home = TOP) {
    const levelBox = $("level"), withinBox = $("within");
    const used = D.levels.map((_, level) => level).filter((level) => A.level.includes(level));
    // The finest level whose areas all fit into one chart.
    const first = used.filter((level) => members(level, -1).length <= 2 * EXTREMES).pop() ?? used[0];
    let within = byKey.get(chosen.get("within")) ?? home;
    let level = used.includes(Number(chosen.get("level") ?? NaN)) ? Number(chosen.get("level")) : first;
    const deepest = used[used.length - 1];
    for (const item of used) levelBox.append(h("option", { value: item }, D.levels[item]));
    const inner = [];
    for (let i = 0; i < N; i += 1) if (A.level[i] < deepest) inner.push(i);
    if (TOP === -1) withinBox.append(h("option", { value: -1 }, S("all")));
    for (const i of inner) withinBox.append(h("option", { value: i }, "　".repeat(A.level[i]) + A.name[i]));
    const state = { level: () => level, within: () => within };
    function set(newLevel, newWithin) {
      within = newWithin;
      level = within !== -1 && newLevel < A.level[within] ? A.level[within] : newLevel;
      levelBox.value = level;
      withinBox.value = within;
      choose({ level, within: within === -1 ? null : keyOf(within) });
      trail($("trail"), within, (i) => set(level, i));
      redraw(state);
    }
    levelBox.addEventListener("change", () => set(Number(levelBox.value), within));
    withinBox.addEventListener("change", () => {
      const i = Number(withinBox.value);
      set(i === -1 ? level : Math.max(level, Math.min(A.level[i] + 1, deepest)), i);
    });
    state.into = (i) => { if (A.level[i] < deepest) set(used.find((item) => item > A.level[i]), i); };
    state.canEnter = (i) => A.level[i] < deepest && below.has(i);
    state.start = () => set(level, within);
    return state;
  }

  // ---- tables: sorted by clicking a heading, filtered by typing, one page at a time -----------------------------
  // columns: {title, value(row) → sort value, cell(row) → text or node, kind: num|text, heat}
  function grid(holder, rows, columns, options) {
    const settings = { size: 50, sort: null, ...options };
    let order = settings.sort === null ? null : Math.abs(settings.sort) - 1;
    let falling = settings.sort !== null && settings.sort < 0;
    let page = 0, needle = "", unrolled = false;
    const body = h("tbody"), state = h("span"), table = h("table", null);
    const heads = columns.map((column, index) =>
      h("th", {
        class: "sortable" + (column.kind === "num" ? " num" : ""), scope: "col", tabindex: 0,
        onclick: () => sortBy(index),
        onkeydown: (event) => { if (event.key === "Enter") sortBy(index); },
      }, column.title));
    table.append(h("thead", null, h("tr", null, heads)), body);
    const back = h("button", { type: "button", onclick: () => { page -= 1; draw(); } }, S("previous"));
    const on = h("button", { type: "button", onclick: () => { page += 1; draw(); } }, S("next"));
    const filter = h("input", {
      type: "search", placeholder: S("filter"), "aria-label": S("filter"),
      oninput: (event) => { needle = event.target.value.trim().toLowerCase(); page = 0; draw(); },
    });
    const long = rows.length > 12;
    fill(holder, long ? h("div", { class: "grid-tools" }, filter, h("span", { class: "spacer" }), state, rows.length > settings.size ? [back, on] : null) : null,
      h("div", { class: "grid-wrap" }, table));
    function sortBy(index) {
      falling = order === index ? !falling : columns[index].kind === "num";
      order = index;
      page = 0;
      draw();
    }
    function visible() {
      const found = needle ? rows.filter((row) => columns.some((column) => column.kind !== "num" && String(column.value(row) ?? "").toLowerCase().includes(needle))) : rows.slice();
      if (order === null) return found;
      const value = columns[order].value, turn = falling ? -1 : 1;
      const keyed = found.map((row, place) => [value(row), place, row]);
      keyed.sort((first, second) => {
        const [a, b] = [first[0], second[0]];
        const gone = (a === null || a === undefined) - (b === null || b === undefined);
        if (gone) return gone;
        return (a < b ? -1 : a > b ? 1 : 0) * turn || first[1] - second[1];
      });
      return keyed.map((item) => item[2]);
    }
    function draw() {
      const found = visible();
      const size = unrolled ? Math.min(found.length, 400) : settings.size;
      const from = unrolled ? 0 : page * size;
      const part = found.slice(from, from + size);
      heads.forEach((head, index) => {
        if (index === order) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      fill(body, part.length ? part.map((row) => {
        const cells = columns.map((column) => {
          const cell = h("td", { class: (column.kind === "num" ? "num" : "") + (column.heat ? " heat" : "") }, column.cell(row));
          if (column.heat) shade(cell, column.heat(row));
          return cell;
        });
        const go = settings.go && settings.go(row);
        return h("tr", { class: (go ? "pick " : "") + (settings.mark ? settings.mark(row) : ""), onclick: go || null }, cells);
      }) : h("tr", null, h("td", { colspan: columns.length, class: "soft" }, S("none"))));
      state.textContent = S("rows", { from: found.length ? from + 1 : 0, to: from + part.length, total: found.length });
      back.disabled = from === 0;
      on.disabled = from + size >= found.length;
    }
    unroll.push((open) => { if (unrolled !== open && holder.isConnected) { unrolled = open; draw(); } });
    draw();
  }
  const unroll = [];
  // 0–100 points as tint of the accent; text turns white where the ground is dark.
  function shade(cell, points) {
    if (points === null || points === undefined) return;
    const share = Math.max(0, Math.min(1, points / 100));
    const mix = (pale, dark) => Math.round(pale + (dark - pale) * share * share);
    cell.style.background = `rgb(${mix(245, 20)},${mix(248, 89)},${mix(250, 122)})`;
    if (share > 0.85) cell.style.color = "#fff";
  }

  // ---- charts --------------------------------------------------------------------------------------------------
  const drawn = new Set();
  function chart(id, traces, layout, heightAndMore) {
    const { height, onPick, still } = heightAndMore;
    const node = $(id);
    node.style.height = height + "px";
    const axis = { gridcolor: LINE, zerolinecolor: LINE, linecolor: LINE, tickcolor: LINE, automargin: true, fixedrange: true };
    const whole = {
      font: { family: FONT, size: 12.5, color: INK }, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
      margin: { l: 10, r: 16, t: 10, b: 40, pad: 4 }, showlegend: false, height, dragmode: false, hovermode: "closest",
      hoverlabel: { bgcolor: "#fff", bordercolor: GREY, font: { family: FONT, size: 12.5, color: INK }, align: "left" },
      ...layout, xaxis: { ...axis, ...(layout.xaxis || {}) }, yaxis: { ...axis, ...(layout.yaxis || {}) },
    };
    const config = { displayModeBar: false, responsive: true, displaylogo: false, scrollZoom: false, doubleClick: false, staticPlot: Boolean(still) };
    Plotly.react(node, traces, whole, config);
    if (onPick && !drawn.has(id)) node.on("plotly_click", (event) => node.pick(event.points[0].customdata));
    node.pick = onPick;
    drawn.add(id);
  }
  function clear(id) {
    if (drawn.delete(id)) Plotly.purge($(id));
    fill($(id));
    $(id).style.height = "0";
  }
  // Sorted positions with a value; the two ends when there are too many to read.
  function ends(list, value) {
    const known = list.filter((i) => value(i) !== null).sort((a, b) => value(b) - value(a) || a - b);
    return known.length <= 2 * EXTREMES ? [known, false] : [[...known.slice(0, EXTREMES), null, ...known.slice(-EXTREMES)], true];
  }
  // Names need not differ, so rows are numbered and only labelled with names. What tells two alike apart comes last.
  function rowsAxis(order) {
    return {
      tickmode: "array", tickvals: order.map((_, row) => row), ticktext: order.map((i) => (i === null ? "⋯" : safe(short(A.name[i], D.language === "zh" ? 20 : 40)))),
      range: [order.length - 0.4, -0.6], showgrid: false, zeroline: false, ticks: "",
    };
  }
  const rowsHeight = (order) => 70 + Math.max(order.length, 2) * (order.length > 40 ? 18 : 22);
  function chartNote(list, value, extremes, words) {
    const gone = list.filter((i) => value(i) === null).length;
    const known = list.length - gone;
    $("chart-note").textContent = [
      known ? words : S("no_value"),
      extremes ? S("extremes", { total: known, shown: EXTREMES }) : "",
      gone && known ? S("not_computed", { count: gone }) : "",
    ].filter(Boolean).join(D.language === "zh" ? "" : " ");
  }
  const spans = (order, lo, hi) => order.map((i) => (i === null || lo(i) === null || hi(i) === null ? null : [lo(i), hi(i)]));
  function intervalTrace(order, bounds, colour, width) {
    const x = [], y = [];
    bounds.forEach((span, row) => { if (span) { x.push(span[0], span[1], null); y.push(row, row, null); } });
    return { type: "scatter", mode: "lines", x, y, line: { color: colour, width: width || 2 }, hoverinfo: "skip" };
  }

  // ---- indicators ----------------------------------------------------------------------------------------------
  const better = (entry, a, b) => (entry.direction === "lower_is_better" ? a < b : a > b);
  // Does the whole interval lie on one side of a mark? "good", "bad" or "open"; null when it cannot be said.
  function side(entry, i, mark) {
    if (entry.direction === "neutral" || mark === null || mark === undefined || entry.val[i] === null) return null;
    const bounds = entry.lo[i] === null || entry.hi[i] === null ? [entry.val[i], entry.val[i]] : [entry.lo[i], entry.hi[i]];
    const met = bounds.map((bound) => better(entry, bound, mark) || bound === mark);
    if (met[0] && met[1]) return "good";
    return met[0] || met[1] ? "open" : "bad";
  }
  const targetOf = (entry) => (entry.targets.length ? entry.targets[0][0] : null);
  function chip(entry, i) {
    const verdict = side(entry, i, targetOf(entry));
    if (verdict === null) return null;
    const marks = { good: ["good", "● ", "reached"], open: ["", "◐ ", "open"], bad: ["bad", "○ ", "missed"] }[verdict];
    return h("span", { class: "chip " + marks[0] }, marks[1] + S(marks[2]));
  }
  const counted = (unit, value) => (unit === "money" ? moneyUnit(value) : count(value));
  const top = (entry, i) => counted(entry.numIn, entry.num[i]), bottom = (entry, i) => counted(entry.denIn, entry.den[i]);
  // One closed outline per unbroken run of periods with an interval, so that a gap stays a gap.
  function bandOutline(x, lo, hi) {
    const outline = { x: [], y: [] };
    for (let from = 0; from < x.length; from += 1) {
      if (lo[from] === null || hi[from] === null) continue;
      let to = from;
      while (to + 1 < x.length && lo[to + 1] !== null && hi[to + 1] !== null) to += 1;
      const run = x.slice(from, to + 1);
      outline.x.push(...run, ...run.slice().reverse(), null);
      outline.y.push(...hi.slice(from, to + 1), ...lo.slice(from, to + 1).reverse(), null);
      from = to;
    }
    return outline;
  }
  function trendRange(entry, i) {
    const seen = ["val", "lo", "hi"].flatMap((name) => pastOf(entry, name, i));
    const known = [...seen, targetOf(entry)].filter((value) => value !== null);
    const low = Math.min(...known), high = Math.max(...known), room = (high - low || Math.abs(high) || 1) * 0.12;
    return known.length ? [low >= 0 ? Math.max(0, low - room) : low - room, high + room] : [0, 1];
  }
  // A period without any data has empty lists: it keeps its place on the axis, and only a dotted line crosses it.
  const pastOf = (entry, name, i) => entry.trend[name].map((values) => values[i] ?? null);
  function trendTraces(entry, i, small) {
    const x = entry.trend.periods, [val, lo, hi] = ["val", "lo", "hi"].map((name) => pastOf(entry, name, i));
    const moved = entry.trend.moved.map((positions) => positions.includes(i));
    const traces = [];
    const band = bandOutline(x, lo, hi);
    if (band.x.length) traces.push({ type: "scatter", mode: "lines", ...band, line: { width: 0 }, fill: "toself", fillcolor: "rgba(20,89,122,.14)", hoverinfo: "skip" });
    const gaps = val.includes(null);
    if (gaps) traces.push({ type: "scatter", mode: "lines", x, y: val, connectgaps: true, line: { color: ACCENT, width: 1, dash: "dot" }, hoverinfo: "skip" });
    traces.push({
      type: "scatter", mode: "lines+markers", x, y: val, line: { color: ACCENT, width: 2 },
      marker: { color: ACCENT, size: x.map((_, at) => (at === x.length - 1 ? 8 : small && !gaps ? 4 : 5)), symbol: moved.map((is) => (is ? "circle-open" : "circle")) },
      text: x.map((name, at) => `${safe(name)}<br><b>${safe(withUnit(val[at], entry.digits, entry.unit))}</b><br>${range(lo[at], hi[at], entry.digits)}${moved[at] ? "<br>" + safe(S("trend_moved")) : ""}`),
      hovertemplate: "%{text}<extra></extra>",
    });
    return traces;
  }
  function targetShape(entry, vertical) {
    const mark = targetOf(entry);
    if (mark === null) return [];
    const ends_ = vertical ? { x0: mark, x1: mark, y0: 0, y1: 1, yref: "paper" } : { y0: mark, y1: mark, x0: 0, x1: 1, xref: "paper" };
    return [{ type: "line", ...ends_, line: { color: WARM, width: 1.5, dash: "dash" }, layer: "below" }];
  }
  function explainTrend(id, reason) {
    clear(id);
    $(id).style.height = "auto";
    fill($(id), h("p", { class: "quiet" }, S(reason)));
  }
  function trendChart(id, entry, i, small) {
    const periods = entry.trend.periods;
    if (periods.length < 2 || i >= entry.trend.count) {
      explainTrend(id, periods.length < 2 ? "no_trend" : "no_trend_level");
      return;
    }
    if (!drawn.has(id)) fill($(id));
    const last = periods.length - 1;
    // Steps of the labels so that they do not collide in a narrow chart; periods without any data need none.
    const known = periods.map((_, at) => at).filter((at) => entry.trend.val[at].length);
    const shown = small ? [0, last] : known.filter((_, n) => (known.length - 1 - n) % Math.max(1, Math.ceil(known.length / 4)) === 0);
    const tick = (at) => entry.trend.keys[at];
    chart(id, trendTraces(entry, i, small), {
      margin: small ? { l: 6, r: 8, t: 6, b: 20 } : { l: 6, r: 14, t: 8, b: 30 },
      xaxis: { type: "category", categoryorder: "array", categoryarray: periods, tickmode: "array", tickvals: shown.map((at) => periods[at]), ticktext: shown.map(tick), showgrid: false, tickangle: 0, tickfont: { size: 10.5, color: SOFT }, ticks: "", range: [-0.5, last + 0.5] },
      yaxis: { range: trendRange(entry, i), nticks: small ? 3 : 5, tickfont: { size: 10.5, color: SOFT }, zeroline: false },
      shapes: targetShape(entry, false),
    }, { height: small ? 104 : 210 });
  }

  // ---- page: overview ------------------------------------------------------------------------------------------
  function tile(entry, i, order) {
    const value = i === -1 ? null : entry.val[i];
    const facts = h("p", { class: "facts" });
    const line = (...parts) => facts.append(...parts.filter((part) => part !== null), h("br"));
    if (i !== -1) {
      if (value === null) line(h("b", null, statusWords(entry.st[i])));
      else if (D.statuses[entry.st[i]] !== "ok") line(h("b", null, "⚠ " + statusWords(entry.st[i])));
      if (value !== null && entry.lo[i] !== null) line(S("interval") + " " + range(entry.lo[i], entry.hi[i], entry.digits));
      line(h("b", null, top(entry, i)), " " + (entry.numWords || S("numerator")));
      line(h("b", null, bottom(entry, i)), " " + (entry.denWords || S("denominator")));
      const past = entry.past[i] === null ? null : S("last_year") + " " + withUnit(entry.past[i], entry.digits, entry.unit);
      const target = targetOf(entry) === null ? null : S("target") + " " + withUnit(targetOf(entry), entry.digits, entry.unit);
      if (past || target) line([past, target].filter(Boolean).join(" · "));
    }
    return h("article", { class: "tile" },
      h("h3", null, h("a", { href: "indicators.html#indicator=" + encodeURIComponent(entry.id) + (i === -1 ? "" : "&within=" + encodeURIComponent(keyOf(i))) }, entry.title)),
      h("div", { class: "big" + (value === null ? " none" : "") }, num(value, entry.digits), value === null ? null : h("small", null, entry.unit)),
      h("div", null, i === -1 ? null : chip(entry, i)),
      facts, h("div", { class: "spark", id: "spark-" + order }));
  }
  function overview() {
    if (!N) return;
    const go = (i) => { choose({ area: i === -1 ? null : keyOf(i) }); show(i); window.scrollTo(0, 0); };
    function show(i) {
      D.indicators.forEach((_, order) => drawn.delete("spark-" + order));
      trail($("trail"), i, go);
      $("figures-of").textContent = i === -1 ? "" : "· " + A.name[i];
      fill($("tiles"), i === -1 ? h("p", { class: "quiet" }, S("no_top")) : D.indicators.map((entry, order) => tile(entry, i, order)));
      if (i !== -1) D.indicators.forEach((entry, order) => trendChart("spark-" + order, entry, i, true));
      showLinks(i);
      showChildren(i);
    }
    function showLinks(i) {
      if (i === -1) { fill($("links")); return; }
      const cards = D.totals.map((total) => h("a", { href: "dimensions.html#policy=" + encodeURIComponent(total.id) },
        h("b", null, num(total.val[i], 1), total.val[i] === null ? null : h("small", null, S("points") + (total.grade[i] ? " · " + total.grade[i] : ""))), total.title));
      if (D.risk) cards.push(h("a", { href: "risk.html" }, h("b", null, num(D.risk.val[i], 1), h("small", null, D.risk.lo[i] === null ? "" : range(D.risk.lo[i], D.risk.hi[i], 1))), S("risk")));
      const at = D.money ? D.money.area.indexOf(i) : -1;
      if (at !== -1) cards.push(h("a", { href: "money.html#payee=" + encodeURIComponent(D.money.key[at]) }, h("b", null, money(D.money.amount[at]), h("small", null, D.currency.major)), S("amount") + " · " + S("why")));
      fill($("links"), cards);
    }
    function showChildren(i) {
      const rows = below.get(i) || [];
      if (!rows.length) { fill($("children"), h("p", { class: "quiet" }, S("leaf"))); return; }
      const columns = [{ title: S("area"), value: (row) => A.name[row], cell: (row) => below.has(row) ? h("a", { href: "#area=" + encodeURIComponent(keyOf(row)), onclick: (event) => event.preventDefault() }, A.name[row]) : A.name[row] }];
      for (const entry of D.indicators) {
        columns.push({
          title: entry.title + (entry.unit ? " (" + entry.unit + ")" : ""), kind: "num", value: (row) => entry.val[row],
          cell: (row) => {
            const verdict = side(entry, row, targetOf(entry));
            const mark = { good: "● ", open: "◐ ", bad: "○ " }[verdict] || "";
            const node = h("span", { title: entry.val[row] === null ? statusWords(entry.st[row]) : range(entry.lo[row], entry.hi[row], entry.digits) }, mark + num(entry.val[row], entry.digits));
            if (verdict === "good") node.style.color = ACCENT;
            if (verdict === "bad") node.style.color = WARM;
            return entry.val[row] === null ? [node, h("br"), h("small", { class: "soft" }, statusWords(entry.st[row]))] : node;
          },
        });
      }
      grid($("children"), rows, columns, { go: (row) => () => go(row) });
      if (D.indicators.some((entry) => targetOf(entry) !== null)) {
        $("children").append(h("p", { class: "quiet" }, `● ${S("reached")}　◐ ${S("open")}　○ ${S("missed")}`));
      }
    }
    show(areaFromHash("area"));
  }

  // ---- page: indicators ------------------------------------------------------------------------------------------
  function indicators() {
    if (!N || !D.indicators.length) return;
    const box = $("indicator");
    const several = new Set(D.indicators.map((entry) => entry.ruleSet)).size > 1;
    D.indicators.forEach((entry, at) => box.append(h("option", { value: at }, entry.title + (several ? " · " + entry.ruleSetTitle : ""))));
    const wanted = D.indicators.findIndex((entry) => entry.id === chosen.get("indicator") && (!chosen.get("rule") || entry.ruleSet === chosen.get("rule")));
    box.value = Math.max(0, wanted);
    const state = scope(draw);
    box.addEventListener("change", () => state.start());
    function draw() {
      const entry = D.indicators[Number(box.value)];
      choose({ indicator: entry.id, rule: several ? entry.ruleSet : null });
      const list = members(state.level(), state.within());
      const benchmark = state.within() === -1 ? TOP : state.within();
      $("indicator-title").textContent = entry.title + (entry.unit ? " (" + entry.unit + ")" : "");
      caterpillar(entry, list, benchmark, state);
      about(entry);
      $("trend-of").textContent = benchmark === -1 ? "" : "· " + A.name[benchmark];
      if (benchmark !== -1) trendChart("trend", entry, benchmark, false);
      else explainTrend("trend", "no_trend_all");
      figures(entry, list, state);
    }
    state.start();
  }
  function caterpillar(entry, list, benchmark, state) {
    const value = (i) => entry.val[i];
    const [order, extremes] = ends(list, value);
    const mark = benchmark === -1 ? null : entry.val[benchmark];
    const graded = entry.direction !== "neutral" && mark !== null;
    const lacking = order.every((i) => i === null || entry.lo[i] === null) ? " " + S("no_interval") : "";
    chartNote(list, value, extremes, (graded ? S("reading", { benchmark: A.name[benchmark] + " " + withUnit(mark, entry.digits, entry.unit) }) : S(entry.direction === "neutral" ? "reading_neutral" : "reading_plain")) + lacking);
    if (!order.length) { clear("caterpillar"); return; }
    const bounds = spans(order, (i) => entry.lo[i], (i) => entry.hi[i]);
    const groups = { good: ACCENT, bad: WARM, open: GREY, none: ACCENT };
    const group = (i) => (graded ? side(entry, i, mark) || "open" : "none");
    const traces = [];
    for (const [name, colour] of Object.entries(groups)) {
      const mine = order.map((i) => i !== null && group(i) === name);
      if (!mine.some(Boolean)) continue;
      traces.push(intervalTrace(order, bounds.map((span, row) => (mine[row] ? span : null)), colour));
      const rows = order.map((_, row) => row).filter((row) => mine[row]);
      traces.push({
        type: "scatter", mode: "markers", x: rows.map((row) => value(order[row])), y: rows,
        marker: { color: rows.map((row) => (D.statuses[entry.st[order[row]]] === "unstable" ? "#fff" : colour)), size: 9, line: { color: colour, width: 2 } },
        customdata: rows.map((row) => order[row]),
        text: rows.map((row) => {
          const i = order[row];
          return `<b>${safe(A.name[i])}</b><br>${safe(withUnit(entry.val[i], entry.digits, entry.unit))} (${range(entry.lo[i], entry.hi[i], entry.digits)})<br>${safe(top(entry, i))} / ${safe(bottom(entry, i))}<br>${safe(statusWords(entry.st[i]))}`;
        }),
        hovertemplate: "%{text}<extra></extra>",
      });
    }
    const shapes = targetShape(entry, true), notes = [];
    if (mark !== null) {
      shapes.push({ type: "line", x0: mark, x1: mark, y0: 0, y1: 1, yref: "paper", line: { color: SOFT, width: 1.5, dash: "dot" }, layer: "below" });
      notes.push({ x: mark, y: 1, yref: "paper", yanchor: "bottom", showarrow: false, text: safe(A.name[benchmark]), font: { size: 11.5, color: SOFT } });
    }
    const target = targetOf(entry);
    if (target !== null) notes.push({ x: target, y: 1, yref: "paper", yanchor: "bottom", yshift: 14, showarrow: false, text: `${S("target")} ${safe(withUnit(target, entry.digits, entry.unit))}`, font: { size: 11.5, color: WARM } });
    chart("caterpillar", traces, {
      yaxis: rowsAxis(order), xaxis: { title: { text: safe(entry.unit), font: { size: 12, color: SOFT } }, zeroline: false },
      shapes, annotations: notes, margin: { l: 10, r: 20, t: 40, b: 44, pad: 4 },
    }, { height: rowsHeight(order) + 30, onPick: (i) => state.into(i) });
  }
  function about(entry) {
    const parts = [["definition", entry.definition], ["numerator", entry.numWords], ["denominator", entry.denWords], ["method", entry.method],
      ["target", entry.targets.map(([value, reference]) => withUnit(value, entry.digits, entry.unit) + (reference ? " · " + reference : "")).join("；")],
      ["rule_set", entry.ruleSetTitle], ["owner", entry.owner], ["reference", entry.reference]];
    const stated = entry.parameters.length ? h("table", { class: "parameters" }, h("tbody", null, entry.parameters.map(([title, value]) => h("tr", null, h("td", null, title), h("td", { class: "num" }, value))))) : null;
    fill($("about"), parts.filter(([, words]) => words).flatMap(([key, words]) => [h("dt", null, S("about." + key)), h("dd", null, words, key === "rule_set" ? stated : null)]));
  }
  function parentColumn(list) {
    return list.some((i) => A.parent[i] !== -1) ? [{ title: S("parent"), value: (i) => (A.parent[i] === -1 ? "" : A.name[A.parent[i]]), cell: (i) => h("span", { class: "soft" }, A.parent[i] === -1 ? "" : A.name[A.parent[i]]) }] : [];
  }
  const areaColumn = (state) => ({ title: S("area"), value: (i) => A.name[i], cell: (i) => (state.canEnter(i) ? h("a", { href: "#", title: S("go_down"), onclick: (event) => event.preventDefault() }, A.name[i]) : A.name[i]) });
  const goInto = (state) => (i) => (state.canEnter(i) ? () => state.into(i) : null);
  function figures(entry, list, state) {
    const withTarget = targetOf(entry) !== null && entry.direction !== "neutral";
    grid($("figures"), list, [
      areaColumn(state), ...parentColumn(list),
      { title: S("numerator"), kind: "num", value: (i) => entry.num[i], cell: (i) => top(entry, i) },
      { title: S("denominator"), kind: "num", value: (i) => entry.den[i], cell: (i) => bottom(entry, i) },
      { title: S("value") + (entry.unit ? " (" + entry.unit + ")" : ""), kind: "num", value: (i) => entry.val[i], cell: (i) => num(entry.val[i], entry.digits) },
      { title: S("interval"), kind: "num", value: (i) => entry.lo[i], cell: (i) => range(entry.lo[i], entry.hi[i], entry.digits) },
      { title: S("last_year"), kind: "num", value: (i) => entry.past[i], cell: (i) => num(entry.past[i], entry.digits) },
      ...(withTarget ? [{ title: S("target"), value: (i) => side(entry, i, targetOf(entry)) || "", cell: (i) => chip(entry, i) || MISSING }] : []),
      { title: S("status"), value: (i) => statusWords(entry.st[i]), cell: (i) => h("span", { class: D.statuses[entry.st[i]] === "ok" ? "soft" : "" }, statusWords(entry.st[i])) },
    ], { sort: withTarget || list.some((i) => A.parent[i] !== -1) ? -(parentColumn(list).length + 4) : -4, go: goInto(state) });
  }

  // ---- scores: shared by the page of three dimensions and the page of a policy ------------------------------------
  const NAMES = ["health_outcome", "service_process", "policy_effectiveness"];
  const LOOKS = { health_outcome: ["circle", "#2b7595"], service_process: ["square", "#8b96a0"], policy_effectiveness: ["diamond", WARM] };
  const weighted = (score, name) => S("dimension." + name) + (score.parts[name].weight === null || name === "total" ? "" : ` ${num(score.parts[name].weight, 0)}%`);
  function scoreTable(score, list, state) {
    const total = score.parts.total;
    const column = (name) => ({ title: weighted(score, name), kind: "num", heat: (i) => score.parts[name].val[i], value: (i) => score.parts[name].val[i], cell: (i) => num(score.parts[name].val[i], 1) });
    grid($("figures"), list, [
      areaColumn(state), ...parentColumn(list), ...NAMES.map(column), column("total"),
      { title: S("interval"), kind: "num", value: (i) => total.lo[i], cell: (i) => range(total.lo[i], total.hi[i], 1) },
      { title: S("grade"), value: (i) => score.parts.grade[i], cell: (i) => score.parts.grade[i] || MISSING },
      { title: S("coverage"), kind: "num", value: (i) => score.parts.coverage[i], cell: (i) => num(score.parts.coverage[i], 2) },
      { title: S("status"), value: (i) => statusWords(score.parts.st[i]), cell: (i) => h("span", { class: D.statuses[score.parts.st[i]] === "ok" ? "soft" : "" }, statusWords(score.parts.st[i])) },
    ], { sort: -(parentColumn(list).length + 5), go: goInto(state) });
  }
  function scoreDots(score, list, state) {
    const total = score.parts.total;
    const [order, extremes] = ends(list, (i) => total.val[i]);
    chartNote(list, (i) => total.val[i], extremes, "");
    if (!order.length) { clear("dimension-dots"); return; }
    const rows = order.map((_, row) => row).filter((row) => order[row] !== null);
    const bounds = intervalTrace(order, spans(order, (i) => total.lo[i], (i) => total.hi[i]), "#c3cad0", 6);
    const traces = [{ ...bounds, name: `${S("dimension.total")} · ${S("interval")}`, showlegend: true }];
    for (const name of [...NAMES, "total"]) {
      const part = score.parts[name];
      const [symbol, colour] = name === "total" ? ["line-ns", INK] : LOOKS[name];
      traces.push({
        type: "scatter", mode: "markers", name: safe(weighted(score, name)), showlegend: true,
        x: rows.map((row) => part.val[order[row]]), y: rows, customdata: rows.map((row) => order[row]),
        marker: { symbol, color: colour, size: name === "total" ? 13 : 9, line: { color: name === "total" ? INK : "#fff", width: name === "total" ? 3 : 1 } },
        text: rows.map((row) => `<b>${safe(A.name[order[row]])}</b><br>${safe(S("dimension." + name))} ${num(part.val[order[row]], 1)} ${S("points")}<br>${range(part.lo[order[row]], part.hi[order[row]], 1)}`),
        hovertemplate: "%{text}<extra></extra>",
      });
    }
    chart("dimension-dots", traces, {
      yaxis: { ...rowsAxis(order), showgrid: true }, xaxis: { range: [-2, 102], title: { text: S("points"), font: { size: 12, color: SOFT } }, zeroline: false },
      showlegend: true, legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", itemclick: false, itemdoubleclick: false }, margin: { l: 10, r: 20, t: 44, b: 44, pad: 4 },
    }, { height: rowsHeight(order) + 40, onPick: (i) => state.into(i) });
  }

  // ---- page: three dimensions --------------------------------------------------------------------------------------
  function dimensions() {
    if (!N || !D.scores.length) return;
    const box = $("policy");
    D.scores.forEach((score, at) => box.append(h("option", { value: at }, score.title)));
    box.value = Math.max(0, D.scores.findIndex((score) => score.id === chosen.get("policy")));
    const state = scope(draw);
    box.addEventListener("change", () => state.start());
    function draw() {
      const policy = D.scores[Number(box.value)];
      choose({ policy: policy.id });
      $("policy-title").textContent = "· " + policy.title;
      if (D.policies.some((item) => item[0] === policy.id)) {
        $("policy-page").href = "policy_" + policy.id + ".html";
        $("policy-page").textContent = S("policy_page");
      }
      const list = members(state.level(), state.within());
      const facts = [["class", policy.class], ["document", policy.document], ["target_group", policy.group], ["owner", policy.owner], ["lock", (D.sure[policy.id] || {}).lock]];
      fill($("about"), facts.filter(([, words]) => words).map(([key, words]) => h("div", null, h("dt", null, S("about." + key)), h("dd", null, words))));
      scoreDots(policy, list, state);
      scoreTable(policy, list, state);
      const sure = D.sure[policy.id];
      if (!sure) return;
      const [rank, of, lo, hi] = sure.among;
      $("sure-title").textContent = "· " + policy.title + (sure.among.length ? " · " + S("among_policies", { rank: num(rank, 0), of, lo: num(lo, 0), hi: num(hi, 0) }) : "");
      howSure(sure, list, state);
    }
    state.start();
  }

  // ---- how sure: shared by the pages of three dimensions and of risk -------------------------------------------
  const percent = (share) => (share === null || share === undefined ? MISSING : num(share * 100, 0) + "%");
  // Grades stand from the best to the worst, tiers of risk from low to high: the last is the one to worry about.
  const TIERS = ["#17425a", "#2b7595", "#9db8c6", "#d9a441", "#b3563a"];
  function howSure(sure, list, state) {
    const known = list.filter((i) => sure.rank[i] !== null && sure.rank[i] !== undefined);
    const [order] = ends(known, (i) => -sure.rank[i]);
    $("sure-note").textContent = known.length ? "" : S("no_ranks");
    const rows = order.map((_, row) => row).filter((row) => order[row] !== null);
    if (known.length > 1) rankLines(sure, order, rows, state); else clear("sure-ranks");
    if (known.length && sure.grades.length) gradeBars(sure, order, rows, state); else clear("sure-grades");
    grid($("sure-figures"), list, [
      areaColumn(state), ...parentColumn(list),
      { title: S("rank"), kind: "num", value: (i) => sure.rank[i], cell: (i) => (sure.rank[i] === null ? MISSING : S("rank_of", { rank: num(sure.rank[i], 0), of: sure.of[i] })) },
      { title: S("rank_interval"), kind: "num", value: (i) => sure.lo[i], cell: (i) => range(sure.lo[i], sure.hi[i], 0) },
      { title: S("top_tenth"), kind: "num", value: (i) => sure.top[i], cell: (i) => percent(sure.top[i]) },
      ...sure.grades.map((grade) => ({ title: grade.title, kind: "num", heat: (i) => (grade.chance[i] === null ? null : grade.chance[i] * 100), value: (i) => grade.chance[i], cell: (i) => percent(grade.chance[i]) })),
    ], { sort: parentColumn(list).length + 2, go: goInto(state), size: 15 });
    grid($("sure-weights"), sure.weights[String(state.level())] || [], [
      { title: S("part"), value: (part) => part.title, cell: (part) => part.title },
      { title: S("kind_of_part"), value: (part) => part.kind, cell: (part) => part.kind },
      { title: S("overall"), kind: "num", value: (part) => part.overall, cell: (part) => percent(part.overall) },
      { title: S("importance"), kind: "num", value: (part) => part.importance, cell: (part) => percent(part.importance) },
      { title: S("flag"), value: (part) => part.flag, cell: (part) => part.flag },
      { title: S("mean_shift"), kind: "num", value: (part) => part.shift, cell: (part) => num(part.shift, 1) },
      { title: S("largest_shift"), kind: "num", value: (part) => part.most, cell: (part) => num(part.most, 0) },
      { title: S("units_lost"), kind: "num", value: (part) => part.lost, cell: (part) => count(part.lost) },
    ], { sort: -3 });
    const choices = sure.choices[String(state.level())] || [];
    $("sure-choices-block").hidden = !choices.length;
    grid($("sure-choices"), choices, [
      { title: S("choice"), value: (row) => row.title, cell: (row) => row.title },
      { title: S("effect_alone"), kind: "num", value: (row) => row.first, cell: (row) => percent(row.first) },
      { title: S("sobol_interval"), kind: "num", value: (row) => row.first_lo, cell: (row) => range(row.first_lo * 100, row.first_hi * 100, 0) + "%" },
      { title: S("effect_total"), kind: "num", value: (row) => row.total, cell: (row) => percent(row.total) },
      { title: S("sobol_interval"), kind: "num", value: (row) => row.total_lo, cell: (row) => range(row.total_lo * 100, row.total_hi * 100, 0) + "%" },
    ], { sort: -4 });
  }
  function rankLines(sure, order, rows, state) {
    chart("sure-ranks", [
      intervalTrace(order, spans(order, (i) => sure.lo[i], (i) => sure.hi[i]), ACCENT, 4),
      { type: "scatter", mode: "markers", x: rows.map((row) => sure.rank[order[row]]), y: rows, customdata: rows.map((row) => order[row]),
        marker: { color: "#fff", size: 9, line: { color: ACCENT, width: 2 } },
        text: rows.map((row) => `<b>${safe(A.name[order[row]])}</b><br>${safe(S("rank"))} ${num(sure.rank[order[row]], 0)}<br>${safe(S("rank_interval"))} ${range(sure.lo[order[row]], sure.hi[order[row]], 0)}`),
        hovertemplate: "%{text}<extra></extra>" },
    ], {
      yaxis: rowsAxis(order), xaxis: { title: { text: S("rank"), font: { size: 12, color: SOFT } }, zeroline: false, rangemode: "tozero" },
    }, { height: rowsHeight(order), onPick: (i) => state.into(i) });
  }
  function gradeBars(sure, order, rows, state) {
    chart("sure-grades", sure.grades.map((grade, at) => ({
      type: "bar", orientation: "h", name: safe(grade.title), showlegend: true, y: rows,
      x: rows.map((row) => (grade.chance[order[row]] === null ? null : grade.chance[order[row]] * 100)),
      marker: { color: TIERS[Math.round((at * (TIERS.length - 1)) / Math.max(sure.grades.length - 1, 1))], line: { color: "#fff", width: 1 } },
      customdata: rows.map((row) => order[row]), textposition: "none", hovertemplate: "%{text}<extra></extra>",
      text: rows.map((row) => `<b>${safe(A.name[order[row]])}</b><br>${safe(grade.title)} ${percent(grade.chance[order[row]])}`),
    })), {
      barmode: "stack", bargap: 0.25, yaxis: rowsAxis(order), xaxis: { range: [0, 100], ticksuffix: "%", title: { text: S("chance"), font: { size: 12, color: SOFT } } },
      showlegend: true, legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal", itemclick: false, itemdoubleclick: false }, margin: { l: 10, r: 16, t: 44, b: 44, pad: 4 },
    }, { height: rowsHeight(order) + 40, onPick: (i) => state.into(i) });
  }

  // ---- page: one policy -----------------------------------------------------------------------------------------------
  function policyPage() {
    const P = D.policy;
    if (!N) return;
    const state = scope(draw, byKey.get(P.home) ?? TOP);
    function draw() {
      const i = state.within();
      for (const node of document.querySelectorAll(".here")) node.textContent = i === -1 ? "" : "· " + A.name[i];
      if (P.chain.length) chainOf(i === -1 || (P.score && !P.score.holds[i]) ? -1 : i);
      if (P.money) moneyOf(i);
      if (!P.score) return;
      const list = members(state.level(), i).filter((at) => P.score.holds[at]);
      $("elsewhere").textContent = i === -1 ? S("no_top") : P.score.holds[i] ? "" : S("elsewhere");
      cards(i !== -1 && P.score.holds[i] ? i : -1);
      scoreDots(P.score, list, state);
      scoreTable(P.score, list, state);
    }
    function cards(i) {
      if (i === -1) { fill($("cards")); return; }
      const total = P.score.parts.total;
      const head = h("article", { class: "card total" },
        h("h3", null, S("dimension.total")),
        h("div", { class: "big" + (total.val[i] === null ? " none" : "") }, num(total.val[i], 1), total.val[i] === null ? null : h("small", null, S("points"))),
        h("p", { class: "quiet" }, [P.score.parts.grade[i], total.lo[i] === null ? "" : S("interval") + " " + range(total.lo[i], total.hi[i], 1), total.val[i] === null ? statusWords(P.score.parts.st[i]) : "", S("coverage") + " " + num(P.score.parts.coverage[i], 2)].filter(Boolean).join(" · ")));
      fill($("cards"), head, NAMES.filter((name) => P.parts.some((part) => part.dimension === name)).map((name) => dimension(name, i)));
    }
    function dimension(name, i) {
      const whole = P.score.parts[name];
      const rows = P.parts.filter((part) => part.dimension === name).map((part) => {
        const points = part.points[i];
        const bar = h("div", { class: "bar-of", role: "img", "aria-label": num(points, 0) }, points === null ? null : h("b", null));
        if (points !== null) bar.firstChild.style.width = Math.max(1, points) + "%";
        const missing = part.own && D.statuses[part.st[i]] === "no_data" ? S("no_records") : statusWords(part.st[i]);
        return h("tr", null,
          h("td", null, h("a", { href: "indicators.html#indicator=" + encodeURIComponent(part.id) }, part.title), part.own ? h("small", { class: "soft" }, " " + S("own_records")) : null),
          h("td", { class: "num" }, part.val[i] === null ? h("small", { class: "soft" }, missing) : withUnit(part.val[i], part.digits, part.unit)),
          h("td", { class: "num soft" }, withUnit(part.low, 0, "") + " – " + withUnit(part.high, 0, "")),
          h("td", { class: "num" }, num(part.weight, 0) + "%"),
          h("td", { class: "points" }, bar, h("span", null, num(points, 1))));
      });
      return h("article", { class: "card" },
        h("h3", null, weighted(P.score, name), h("span", { class: "sum" }, num(whole.val[i], 1))),
        h("table", null, h("thead", null, h("tr", null, h("th", null, S("indicator")), h("th", { class: "num" }, S("value")), h("th", { class: "num" }, S("scale")), h("th", { class: "num" }, S("weight")), h("th", null, S("score")))),
          h("tbody", null, rows)));
    }
    function chainOf(i) {
      const steps = ["process", "result", "impact"].map((step) => {
        const boxes = P.chain.filter((entry) => entry.chain === step).map((entry) => {
          const value = i === -1 ? null : entry.val[i];
          const facts = [
            value !== null && entry.lo[i] !== null ? S("interval") + " " + range(entry.lo[i], entry.hi[i], entry.digits) : null,
            i !== -1 && entry.past[i] !== null ? S("last_year") + " " + withUnit(entry.past[i], entry.digits, entry.unit) : null,
            entry.target ? S("target") + " " + entry.target : null,
            entry.own ? S("own_records") : null,
          ].filter(Boolean);
          return h("div", { class: "link" }, h("h4", null, entry.title),
            h("div", { class: "big" + (value === null ? " none" : "") }, value === null ? (i === -1 ? MISSING : entry.own && D.statuses[entry.st[i]] === "no_data" ? S("no_records") : statusWords(entry.st[i])) : [num(value, entry.digits), h("small", null, entry.unit)]),
            facts.map((words) => h("p", null, words)));
        });
        return h("div", { class: "step" }, h("h3", null, S("chain." + step)), boxes.length ? boxes : h("p", { class: "quiet" }, S("chain_none")));
      });
      fill($("chain"), steps);
    }
    function moneyOf(i) {
      const M = P.money;
      const here = i === -1 ? [] : M.sources.filter((source) => source.amounts[0][i] !== null);
      const head = h("thead", null, h("tr", null, h("th", null, S("source")), M.columns.map((title) => h("th", { class: "num" }, `${title} (${D.currency.major})`))));
      const rows = here.map((source) => h("tr", { class: source.total ? "total" : "" }, h("td", null, source.title), source.amounts.map((list) => h("td", { class: "num" }, money(list[i])))));
      const lost = M.unplaced.map((row) => h("tr", null, h("td", { class: "gap" }, S("unplaced_money") + " " + row[0]), row.slice(1).map((amount) => h("td", { class: "num" }, money(amount)))));
      fill($("policy-money"), here.length ? null : h("p", { class: "quiet" }, S("no_money_here")),
        rows.length || lost.length ? h("div", { class: "grid-wrap" }, h("table", null, head, h("tbody", null, rows, lost))) : null);
    }
    state.start();
  }

  // ---- page: risk ----------------------------------------------------------------------------------------------------
  function risk() {
    if (!N || !D.risk) return;
    const R = D.risk;
    const box = $("sure-index");
    if (box) D.sure.forEach((index, at) => box.append(h("option", { value: at }, index.title)));
    const state = scope(draw);
    if (box) box.addEventListener("change", () => state.start());
    function draw() {
      const list = members(state.level(), state.within());
      if (box) {
        const index = D.sure[Number(box.value)];
        $("sure-title").textContent = "· " + index.title + " · " + index.lock;
        howSure(index, list, state);
      }
      const [order, extremes] = ends(list, (i) => R.val[i]);
      chartNote(list, (i) => R.val[i], extremes, "");
      if (order.length) { dots(order); bars(order); } else { clear("risk-dots"); clear("risk-bars"); }
      grid($("figures"), list, [
        areaColumn(state), ...parentColumn(list),
        { title: S("risk"), kind: "num", heat: (i) => R.val[i], value: (i) => R.val[i], cell: (i) => num(R.val[i], 1) },
        { title: S("interval"), kind: "num", value: (i) => R.lo[i], cell: (i) => range(R.lo[i], R.hi[i], 1) },
        ...R.components.map((part) => ({ title: part.title + (part.unit ? " (" + part.unit + ")" : "") + " → " + S("contribution"), kind: "num", value: (i) => part.contribution[i], cell: (i) => [h("span", { class: "soft" }, num(part.raw[i], part.digits) + " → "), num(part.contribution[i], 1)] })),
        { title: S("status"), value: (i) => statusWords(R.st[i]), cell: (i) => h("span", { class: D.statuses[R.st[i]] === "ok" ? "soft" : "" }, statusWords(R.st[i])) },
      ], { sort: -(parentColumn(list).length + 2), go: goInto(state) });
    }
    function dots(order) {
      const rows = order.map((_, row) => row).filter((row) => order[row] !== null);
      const benchmark = state.within() === -1 ? TOP : state.within();
      const mark = benchmark === -1 ? null : R.val[benchmark];
      chart("risk-dots", [
        intervalTrace(order, spans(order, (i) => R.lo[i], (i) => R.hi[i]), ACCENT),
        { type: "scatter", mode: "markers", x: rows.map((row) => R.val[order[row]]), y: rows, customdata: rows.map((row) => order[row]), marker: { color: ACCENT, size: 9 },
          text: rows.map((row) => `<b>${safe(A.name[order[row]])}</b><br>${num(R.val[order[row]], 1)} (${range(R.lo[order[row]], R.hi[order[row]], 1)})`), hovertemplate: "%{text}<extra></extra>" },
      ], {
        yaxis: rowsAxis(order), xaxis: { title: { text: S("points"), font: { size: 12, color: SOFT } }, zeroline: false },
        shapes: mark === null ? [] : [{ type: "line", x0: mark, x1: mark, y0: 0, y1: 1, yref: "paper", line: { color: SOFT, width: 1.5, dash: "dot" }, layer: "below" }],
        annotations: mark === null ? [] : [{ x: mark, y: 1, yref: "paper", yanchor: "bottom", showarrow: false, text: safe(A.name[benchmark]), font: { size: 11.5, color: SOFT } }],
        margin: { l: 10, r: 16, t: 70, b: 44, pad: 4 },
      }, { height: rowsHeight(order) + 60, onPick: (i) => state.into(i) });
    }
    function bars(order) {
      const rows = order.map((_, row) => row).filter((row) => order[row] !== null);
      chart("risk-bars", R.components.map((part, at) => ({
        type: "bar", orientation: "h", name: safe(short(part.title, D.language === "zh" ? 16 : 34)), showlegend: true, x: rows.map((row) => part.contribution[order[row]]), y: rows,
        marker: { color: STEPS[at % STEPS.length], line: { color: "#fff", width: 1 } }, customdata: rows.map((row) => order[row]),
        text: rows.map((row) => `<b>${safe(A.name[order[row]])}</b><br>${safe(part.title)}<br>${safe(withUnit(part.raw[order[row]], part.digits, part.unit))} → ${num(part.contribution[order[row]], 1)} ${S("points")}`),
        textposition: "none", hovertemplate: "%{text}<extra></extra>",
      })), {
        barmode: "stack", bargap: 0.25, yaxis: rowsAxis(order), xaxis: { title: { text: S("points"), font: { size: 12, color: SOFT } } },
        showlegend: true, legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", traceorder: "normal", itemclick: false, itemdoubleclick: false, font: { size: 11.5 } },
        margin: { l: 10, r: 16, t: 70, b: 44, pad: 4 },
      }, { height: rowsHeight(order) + 60, onPick: (i) => state.into(i) });
    }
    state.start();
  }

  // ---- page: money -----------------------------------------------------------------------------------------------------
  function moneyPage() {
    const M = D.money;
    if (!M) return;
    const all = M.key.map((_, p) => p);
    // Rounded quotient of two published columns, shown in major units and never added up.
    // Of the year, as the figures beside it are; of the payment in releases that do not tell the year.
    const whole = M.year.length ? M.year : M.amount;
    const headWords = M.year.length ? S("year_per_head") : S("per_head");
    const perHead = (p) => (M.population[p] ? Number((whole[p] / M.population[p] / 10 ** D.currency.decimals).toFixed(D.currency.decimals)) : null);
    const settlement = (p) => (M.rural[p] === true ? "rural" : M.rural[p] === false ? "urban" : "unplaced");
    const label = (p) => M.name[p] + " · " + M.id[p];
    heads();
    streams();
    // Columns of the year that only some divisions have.
    const more = (name, list, shown) => (list.length ? [{ title: shown === money ? `${S(name)} (${D.currency.major})` : S(name), kind: "num", value: (p) => list[p], cell: (p) => shown(list[p], p) }] : []);
    const page = (p) => (M.page[p] ? h("a", { class: "nowrap", href: M.page[p], onclick: (event) => event.stopPropagation() }, S("statement_page")) : null);
    const withBound = M.bound.some((words) => words);
    grid($("figures"), all, [
      { title: S("payee"), value: (p) => M.name[p] + " " + M.id[p], cell: (p) => [h("a", { href: "#why", onclick: (event) => event.preventDefault() }, M.name[p]), h("br"), h("small", { class: "soft" }, M.id[p], page(p) ? [" · ", page(p)] : null)] },
      { title: S("kind"), value: (p) => M.kind[p], cell: (p) => M.kind[p] + (M.rural[p] === null ? "" : " · " + S(settlement(p))) },
      { title: S("population"), kind: "num", value: (p) => M.population[p], cell: (p) => count(M.population[p]) },
      { title: `${S("payment")} (${D.currency.major})`, kind: "num", value: (p) => M.amount[p], cell: (p) => money(M.amount[p]) },
      ...more("year_amount", M.year, money),
      { title: `${headWords} (${D.currency.major})`, kind: "num", value: perHead, cell: (p) => num(perHead(p), D.currency.decimals) },
      { title: `${S("equal_share")} (${D.currency.major})`, kind: "num", value: (p) => M.equal[p], cell: (p) => money(M.equal[p]) },
      ...more("need_target", M.target, money),
      ...more("distance", M.distance, (share) => (share === null ? MISSING : num(share * 100, 2) + "%")),
      ...more("years", M.untilTarget, (years, p) => (years !== null ? String(years) : M.distance[p] === null ? MISSING : S("never"))),
      ...more("reserve_paid", M.given, money),
      ...more("leakage", M.leakage, money),
      ...(withBound ? [{ title: S("bound"), value: (p) => M.bound[p], cell: (p) => M.bound[p] || MISSING }] : []),
    ], { sort: -4, size: 20, go: (p) => () => { statement(p); $("why").scrollIntoView(); } });
    const input = $("payee");
    const byLabel = new Map(all.map((p) => [label(p), p]));
    input.addEventListener("input", () => {
      const needle = input.value.trim().toLowerCase();
      if (byLabel.has(input.value)) { statement(byLabel.get(input.value)); return; }
      fill($("payees"), needle ? all.filter((p) => label(p).toLowerCase().includes(needle)).slice(0, 12).map((p) => h("option", { value: label(p) })) : []);
    });
    input.addEventListener("change", () => {
      const needle = input.value.trim().toLowerCase();
      const found = byLabel.get(input.value) ?? all.find((p) => needle && label(p).toLowerCase().includes(needle));
      if (found !== undefined) statement(found);
    });
    const wanted = M.key.indexOf(chosen.get("payee"));
    if (wanted !== -1) statement(wanted);
    else fill($("statement"), h("p", { class: "quiet" }, S("choose_payee")));

    function statement(p) {
      choose({ payee: M.key[p] });
      let running = 0;
      const rows = M.lines[p].map(([stream, words, , , amount], at) => {
        running += amount;
        return h("tr", null, h("td", { class: "soft" }, String(at + 1)), h("td", { class: "nowrap" }, M.streams[stream]), h("td", null, words), h("td", { class: "num" }, money(amount)), h("td", { class: "num soft" }, money(running)));
      });
      const exact = running === M.amount[p];
      fill($("statement"), h("div", { class: "statement" },
        h("header", null, h("div", null, h("b", null, M.name[p]), h("div", { class: "soft" }, [M.kind[p], M.id[p], M.population[p] === null ? "" : S("population") + " " + count(M.population[p])].filter(Boolean).join(" · "))), h("span", { class: "sum" }, moneyUnit(M.amount[p]))),
        h("table", null,
          h("thead", null, h("tr", null, h("th", null, S("line")), h("th", null, S("stream")), h("th", null, S("reason")), h("th", { class: "num" }, `${S("amount")} (${D.currency.major})`), h("th", { class: "num" }, S("running")))),
          h("tbody", null, rows, h("tr", { class: "total" }, h("td", null, ""), h("td", null, S("sum")), h("td", null, ""), h("td", { class: "num" }, money(running)), h("td", null, "")))),
        h("p", { class: "verdict" + (exact ? "" : " bad") }, exact ? "✓ " + S("adds_up") : "✗ " + S("does_not_add_up")),
        M.page[p] ? h("p", null, h("a", { href: M.page[p] }, S("statement_page") + " →")) : null));
    }
    function heads() {
      const known = all.filter((p) => perHead(p) !== null);
      const kinds = ["rural", "urban", "unplaced"].filter((kind) => known.some((p) => settlement(p) === kind));
      const looks = { rural: ["circle", WARM], urban: ["diamond", ACCENT], unplaced: ["square", GREY] };
      if (!known.length) { fill($("heads"), h("p", { class: "quiet" }, S("none"))); return; }
      const traces = kinds.map((kind, row) => {
        const mine = known.filter((p) => settlement(p) === kind);
        return {
          type: "scatter", mode: "markers", x: mine.map(perHead),
          // A fixed scatter within the band so that equal dots can be told apart.
          y: mine.map((_, at) => row + (((at * 37) % 101) / 101 - 0.5) * 0.6), customdata: mine,
          marker: { symbol: looks[kind][0], color: looks[kind][1], size: known.length > 400 ? 5 : 9, opacity: known.length > 400 ? 0.4 : 0.65 },
          text: mine.map((p) => `<b>${safe(M.name[p])}</b><br>${num(perHead(p), D.currency.decimals)} ${safe(D.currency.major)}<br>${S("population")} ${count(M.population[p])}`), hovertemplate: "%{text}<extra></extra>",
        };
      });
      chart("heads", traces, {
        yaxis: { tickmode: "array", tickvals: kinds.map((_, row) => row), ticktext: kinds.map((kind) => S(kind)), range: [kinds.length - 0.4, -0.6], showgrid: false, zeroline: false, ticks: "" },
        xaxis: { title: { text: `${headWords} (${safe(D.currency.major)})`, font: { size: 12, color: SOFT } }, zeroline: false },
      }, { height: 90 + kinds.length * 95, onPick: (p) => { statement(p); $("why").scrollIntoView(); } });
    }
    function streams() {
      const sums = M.streams.map(() => 0);
      for (const lines of M.lines) for (const line of lines) sums[line[0]] += line[4];
      if (!sums.length) { fill($("streams"), h("p", { class: "quiet" }, S("none"))); return; }
      chart("streams", [{
        type: "bar", orientation: "h", y: sums.map((_, at) => at), x: sums.map(majorValue), marker: { color: sums.map((amount) => (amount < 0 ? WARM : ACCENT)) }, width: 0.5, hoverinfo: "skip",
      }], {
        yaxis: { tickmode: "array", tickvals: sums.map((_, at) => at), ticktext: M.streams.map((name, at) => `${safe(short(name, D.language === "zh" ? 14 : 30))}<br><b>${money(sums[at])}</b>`), range: [sums.length - 0.4, -0.6], showgrid: false, ticks: "" },
        xaxis: { title: { text: safe(D.currency.major), font: { size: 12, color: SOFT } }, zerolinecolor: GREY, nticks: 4, tickformat: ",d" },
      }, { height: Math.max(200, 90 + sums.length * 46) });
    }
  }

  // ---- page: data quality -------------------------------------------------------------------------------------------------
  const FATES = ["current", "superseded", "duplicate", "quarantined", "unreadable", "non_data"];
  const FATE_PLACE = { records: 0, unreadable: 1, non_data: 2, quarantined: 3, current: 4, superseded: 5, duplicate: 6 };
  const FATE_COLOUR = { current: ACCENT, superseded: "#6ba6bf", duplicate: "#b3d2de", quarantined: WARM, unreadable: "#e0a06f", non_data: "#c3cad0" };
  function quality() {
    const Q = D.quality;
    if (Q.files.length) { fates(Q.feeds); files(Q.files); }
    const column = (title, at, kind) => ({ title, kind, value: (row) => row[at], cell: (row) => (kind === "num" ? count(row[at]) : String(row[at])) });
    if (Q.rules.length) grid($("rules"), Q.rules, [column(S("col.feed"), 0), column(S("col.institution"), 1), column(S("col.rule"), 2), column(S("col.severity"), 3), column(S("col.violating"), 4, "num"), column(S("col.not_applicable"), 5, "num"), column(S("col.checked"), 6, "num")], { size: 20 });
    if (Q.checks.length) {
      grid($("checks"), Q.checks, [
        { title: S("status"), value: (row) => (row[6] ? 1 : 0), cell: (row) => h("span", { class: "chip " + (row[6] ? "good" : "bad") }, (row[6] ? "✓ " : "✗ ") + S(row[6] ? "passed" : "failed")) },
        column(S("col.feed"), 0), column(S("col.place"), 1), column(S("col.expectation"), 2), column(S("col.column"), 3), column(S("col.observed"), 4), column(S("col.expected"), 5), column(S("col.hurts"), 7),
      ], { size: 20 });
    }
  }
  function fates(feeds) {
    const rows = feeds.map((_, row) => row);
    chart("fate", FATES.map((name) => ({
      type: "bar", orientation: "h", name: S("count." + name), showlegend: true, y: rows, x: feeds.map((feed) => feed[2 + FATE_PLACE[name]]),
      marker: { color: FATE_COLOUR[name], line: { color: "#fff", width: 0.5 } }, textposition: "none",
      text: feeds.map((feed) => `<b>${safe(feed[0])} · ${safe(feed[1])}</b><br>${S("count." + name)} ${count(feed[2 + FATE_PLACE[name]])} / ${count(feed[2])} ${S("records")}`), hovertemplate: "%{text}<extra></extra>",
    })), {
      barmode: "stack", barnorm: "percent", bargap: 0.35, showlegend: true,
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal", itemclick: false, itemdoubleclick: false },
      yaxis: { tickmode: "array", tickvals: rows, ticktext: feeds.map((feed) => `${safe(feed[0])} · ${safe(feed[1])}　<b>${count(feed[2])}</b>`), range: [feeds.length - 0.4, -0.6], showgrid: false, ticks: "" },
      xaxis: { ticksuffix: "%", range: [0, 100] }, margin: { l: 10, r: 24, t: 40, b: 36, pad: 4 },
    }, { height: 100 + feeds.length * 32 });
  }
  function files(rows) {
    const number = (name) => ({ title: S("count." + name), kind: "num", value: (row) => row[4 + FATE_PLACE[name]], cell: (row) => count(row[4 + FATE_PLACE[name]]) });
    const exact = (row) => row[4] === row.slice(5, 11).reduce((sum, part) => sum + part, 0);
    // A refused file has no records: without its state its row of zeros would look like a delivery of nothing.
    const state = (row) => S("file." + row[11]);
    grid($("files"), rows, [
      { title: S("col.sender"), value: (row) => row[1], cell: (row) => row[1] }, { title: S("col.feed"), value: (row) => row[2], cell: (row) => row[2] },
      { title: S("col.institution"), value: (row) => row[3], cell: (row) => row[3] },
      { title: S("status"), value: state, cell: (row) => h("span", { class: "chip" + ({ taken: " good", refused: " bad" }[row[11]] || "") }, state(row)) },
      number("records"), ...FATES.map(number),
      { title: S("col.identity"), value: (row) => (exact(row) ? 1 : 0), cell: (row) => (exact(row) ? "✓" : "✗ " + S("failed")) },
      { title: S("col.file"), value: (row) => row[0], cell: (row) => h("small", { class: "soft" }, row[0]) },
    ], { size: 20, mark: (row) => (exact(row) ? "" : "failed") });
  }

  // ---- search on every page ---------------------------------------------------------------------------------------------------
  function search() {
    const input = $("search"), list = $("search-results");
    let at = -1;
    const hide = () => { list.hidden = true; at = -1; };
    function results(needle) {
      const own = D.language === "zh" ? 1 : 2;
      const hits = D.search.filter((item) => item.some((words) => words.toLowerCase().includes(needle)))
        .map((item) => [item[own], S("kind_indicator"), "indicators.html#indicator=" + encodeURIComponent(item[0])]).slice(0, 6);
      hits.push(...D.policies.filter((item) => item.some((words) => words.toLowerCase().includes(needle)))
        .map((item) => [item[own], S("kind_policy"), "policy_" + item[0] + ".html"]).slice(0, 4));
      const starting = [], within = [];
      for (let i = 0; i < N && starting.length < 12; i += 1) {
        const texts = [A.name[i], A.alt[i], A.id[i]].map((words) => words.toLowerCase());
        if (texts.some((words) => words.startsWith(needle))) starting.push(i);
        else if (within.length < 12 && texts.some((words) => words.includes(needle))) within.push(i);
      }
      for (const i of [...starting, ...within].slice(0, 12)) {
        const where = A.parent[i] === -1 ? D.levels[A.level[i]] : D.levels[A.level[i]] + " · " + A.name[A.parent[i]];
        hits.push([A.name[i], where, "index.html#area=" + encodeURIComponent(keyOf(i))]);
      }
      return hits;
    }
    input.addEventListener("input", () => {
      const needle = input.value.trim().toLowerCase();
      if (!needle) { hide(); return; }
      const hits = results(needle);
      at = -1;
      fill(list, hits.length ? hits.map(([title, note, target]) => h("li", null, h("a", { href: target, onclick: hide }, title, h("small", null, note)))) : h("li", { class: "empty" }, S("none")));
      list.hidden = false;
    });
    input.addEventListener("keydown", (event) => {
      const items = [...list.querySelectorAll("a")];
      if (event.key === "Escape") hide();
      else if (event.key === "Enter" && items.length) { items[Math.max(0, at)].click(); }
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        at = Math.max(0, Math.min(items.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)));
        items.forEach((item, order) => item.parentNode.classList.toggle("on", order === at));
      }
    });
    document.addEventListener("click", (event) => { if (!event.target.closest(".search")) hide(); });
  }

  // ---- printing: charts get the width of an A4 page, tables unroll --------------------------------------------------------------
  const PAPER = 690, PAPER_TILE = 210;
  function printing() {
    $("print").addEventListener("click", () => window.print());
    window.addEventListener("beforeprint", () => {
      unroll.forEach((turn) => turn(true));
      for (const id of drawn) Plotly.relayout($(id), { width: id.startsWith("spark-") ? PAPER_TILE : PAPER });
    });
    window.addEventListener("afterprint", () => {
      unroll.forEach((turn) => turn(false));
      for (const id of drawn) Plotly.relayout($(id), { width: null, autosize: true });
    });
  }

  // Only links and the reader change the address this way (our own changes replace it silently).
  window.addEventListener("hashchange", () => { if (location.hash.includes("=")) location.reload(); });
  keepOnSwitch();
  search();
  printing();
  ({ index: overview, indicators, dimensions, policies: () => {}, services: () => {}, policy: policyPage, risk, money: moneyPage, quality })[D.page]();
})();
