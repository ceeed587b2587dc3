"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const page = document.documentElement;
  const isNarrow = matchMedia("(max-width: 640px)");
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const isTouch = matchMedia("(pointer: coarse)");
  const lastDay = page.dataset.asOf;
  const columns = {};
  let months = 24;

  const unpack = (column) => (Array.isArray(column) ? column : column.rows.map((n) => column.distinct[n]));
  for (const [id, { columns: packed }] of Object.entries(data)) {
    columns[id] = Object.fromEntries(Object.entries(packed).map(([name, column]) => [name, unpack(column)]));
  }

  const firstDay = () => {
    if (!months) return "";
    const day = new Date(`${lastDay}T00:00:00Z`);
    day.setUTCMonth(day.getUTCMonth() - months);
    return day.toISOString().slice(0, 10);
  };

  // Puts colours and data in the places that figures.py left for them.
  const resolve = (node, of, days, since) => {
    if (typeof node === "string" && node.startsWith("--")) return getComputedStyle(page).getPropertyValue(node).trim();
    if (Array.isArray(node)) return node.map((item) => resolve(item, of, days, since));
    if (!node || typeof node !== "object") return node;
    if ("column" in node) {
      const rows = node.rows ?? Array.from({ length: node.to - node.from }, (_, n) => node.from + n);
      return rows.filter((row) => !days || days[row] >= since).map((row) => of[node.column][row]);
    }
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, resolve(item, of, days, since)]));
  };

  const merged = (base, over) => {
    const made = { ...base };
    for (const [key, value] of Object.entries(over)) {
      const nests = value && typeof value === "object" && !Array.isArray(value) && key in base;
      made[key] = nests ? merged(base[key], value) : value;
    }
    return made;
  };

  const axis = () => ({ gridcolor: "--line", title: { font: { size: 11.5, color: "--muted" } }, zerolinecolor: "--muted", linecolor: "--line", fixedrange: isTouch.matches });
  const layout = () => ({
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    height: 380,
    margin: { l: 52, r: 12, t: 12, b: 32 },
    font: { family: "system-ui, sans-serif", size: isNarrow.matches ? 11 : 12.5, color: "--text" },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    hoverlabel: { bgcolor: "--surface", bordercolor: "--line", font: { color: "--text" } },
    dragmode: isTouch.matches ? false : "zoom",
    bargap: 0.3,
    xaxis: axis(),
    yaxis: axis(),
  });

  const shortened = (text) => (text.length > 20 ? `${text.slice(0, 19)}…` : text);
  const draw = (chart) => {
    const { figure } = data[chart.dataset.exhibit];
    const of = columns[chart.dataset.exhibit];
    const since = firstDay();
    const filled = resolve({ data: figure.data, layout: merged(layout(), figure.layout) }, of, figure.time && of[figure.time], since);
    if (figure.time) filled.layout.xaxis.range = [since > of[figure.time][0] ? since : of[figure.time][0], lastDay];
    if (figure.labels && isNarrow.matches) {
      Object.assign(filled.layout.yaxis, { tickvals: of[figure.labels], ticktext: of[figure.labels].map(shortened) });
    }
    return Plotly.react(chart, filled.data, filled.layout, { responsive: true, displayModeBar: false });
  };

  const charts = [...document.querySelectorAll(".chart")];
  const drawAll = async () => {
    for (const chart of charts) {
      await draw(chart);
      await new Promise(requestAnimationFrame);
    }
    page.dataset.drawn = "yes";
  };

  const cell = (value) => {
    if (value === null || value === undefined) return "";
    // A spreadsheet would run text that begins like a formula.
    const text = typeof value === "string" && /^[=+@\t-]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (of) => {
    const names = Object.keys(of);
    const rows = (of[names[0]] ?? []).map((_, n) => names.map((name) => cell(of[name][n])).join(","));
    return `${[names.map(cell).join(","), ...rows].join("\r\n")}\r\n`;
  };
  for (const link of document.querySelectorAll("a[download]")) {
    link.addEventListener("click", () => {
      const address = URL.createObjectURL(new Blob([csv(columns[link.dataset.exhibit])], { type: "text/csv" }));
      link.href = address;
      setTimeout(() => URL.revokeObjectURL(address), 60000);
    });
  }

  for (const button of document.querySelectorAll("[data-months]")) {
    button.addEventListener("click", () => {
      months = Number(button.dataset.months);
      for (const other of document.querySelectorAll("[data-months]")) other.setAttribute("aria-pressed", String(other === button));
      drawAll();
    });
  }
  isDark.addEventListener("change", drawAll);
  isNarrow.addEventListener("change", drawAll);
  drawAll();
})();
