/* Charts of two divisions side by side: parts of each difference by step, and everybody as a point. */
(() => {
  "use strict";
  const D = JSON.parse(document.getElementById("payload").textContent);
  const FONT = getComputedStyle(document.body).fontFamily, INK = "#1c2733", LINE = "#dfe4e8";
  const COLOURS = ["#14597a", "#b8520f", "#5f9ea0", "#c9a227", "#6b5b95", "#7a8b99", "#2e7d5b", "#a0456e", "#86a3c3", "#d98c5f"];
  // Plotly reads a little markup; names are plain text.
  const safe = (name) => name.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const short = (name) => (name.length > 22 ? name.slice(0, 21) + "…" : name);
  const yuan = D.words.major;
  const axis = { gridcolor: LINE, zerolinecolor: "#8b96a0", linecolor: LINE, automargin: true, fixedrange: true };
  const base = {
    font: { family: FONT, size: 12.5, color: INK }, paper_bgcolor: "#fff", plot_bgcolor: "#fff", dragmode: false,
    hovermode: "closest", hoverlabel: { bgcolor: "#fff", font: { family: FONT, color: INK }, align: "left" },
    separators: ".,",
  };
  const config = { displayModeBar: false, responsive: true, displaylogo: false, scrollZoom: false };
  const rows = D.names.map((_, row) => row);
  const node = document.getElementById("steps-chart");
  if (node && rows.length) {
    const traces = D.steps.map((step, at) => ({
      type: "bar", orientation: "h", name: safe(step.name), x: step.parts, y: rows,
      marker: { color: COLOURS[at % COLOURS.length] },
      customdata: D.names.map(safe), hovertemplate: `%{customdata}<br>${safe(step.name)}: %{x:+,.2f} ${yuan}<extra></extra>`,
    }));
    traces.push({
      type: "scatter", mode: "markers", x: D.differences, y: rows, name: safe(D.words["compare.difference"]),
      marker: { symbol: "diamond", size: 9, color: INK, line: { color: "#fff", width: 1.5 } },
      customdata: D.names.map(safe), hovertemplate: `%{customdata}<br>%{x:+,.2f} ${yuan}<extra></extra>`,
    });
    Plotly.newPlot(node, traces, {
      ...base, barmode: "relative", height: 130 + 26 * rows.length, margin: { l: 10, r: 20, t: 10, b: 50 },
      legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, traceorder: "normal" },
      xaxis: { ...axis, title: { text: `${safe(D.words["compare.difference"])} (${yuan})` }, tickformat: ",~f" },
      yaxis: { ...axis, autorange: "reversed", tickmode: "array", tickvals: rows, ticktext: D.names.map((name) => safe(short(name))), ticklabelstandoff: 6 },
    }, config);
  }
  const points = document.getElementById("all-chart");
  if (points && D.all.length > 1) {
    const most = Math.max(...D.all.map((one) => Math.max(one[1], one[2])));
    Plotly.newPlot(points, [
      { type: "scatter", mode: "lines", x: [0, most], y: [0, most], line: { color: LINE, width: 2 }, hoverinfo: "skip" },
      {
        type: "scatter", mode: "markers", x: D.all.map((one) => one[1]), y: D.all.map((one) => one[2]),
        marker: { size: 8, opacity: 0.75, color: D.all.map((one) => (one[2] > one[1] ? "#14597a" : one[2] < one[1] ? "#b8520f" : "#8b96a0")) },
        customdata: D.all.map((one) => safe(one[0])), hovertemplate: `%{customdata}<br>A %{x:,.2f}<br>B %{y:,.2f} ${yuan}<extra></extra>`,
      },
    ], {
      ...base, height: 460, showlegend: false, margin: { l: 10, r: 20, t: 10, b: 50 },
      xaxis: { ...axis, title: { text: `A (${yuan})` }, tickformat: ",~f", rangemode: "tozero" },
      yaxis: { ...axis, title: { text: `B (${yuan})` }, tickformat: ",~f", rangemode: "tozero" },
    }, config);
  }
})();
