// Draws every <figure data-chart> from the JSON beside it; its table says the same without a chart.
const still = matchMedia("(prefers-reduced-motion: reduce)");
const drawn = new Map();

const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function colour(name) {
  // Computed colours come as oklch(), which the chart library cannot reckon with: painted, they are plain bytes.
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = getComputedStyle(probe(name)).color;
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${(alpha / 255).toFixed(3)})`;
}

function probe(name) {
  // A custom property is only text; an element that uses it has the colour that came out.
  let element = document.querySelector(`[data-chart-probe="${name}"]`);
  if (!element) {
    element = document.createElement("span");
    element.dataset.chartProbe = name;
    element.hidden = true;
    document.body.append(element);
    element.style.color = `var(${name})`;
  }
  return element;
}

function number(value) {
  return value === null || value === undefined ? "–" : Number(value).toLocaleString("en");
}

function day(label) {
  if (!/^\d{4}-\d\d-\d\d$/.test(label)) return label;
  const date = new Date(`${label}T00:00:00Z`);
  return `${date.getUTCDate()} ${date.toLocaleDateString("en-US", { month: "short", timeZone: "UTC" })}`;
}

function line(series, at, data) {
  const tone = colour(`--chart-${(at % 6) + 1}`);
  const kind = data.kind === "bar" ? "bar" : "line";
  return {
    name: series.name,
    type: kind,
    data: series.values,
    stack: data.stacked ? "all" : undefined,
    color: tone,
    showSymbol: series.values.length < 2,
    symbolSize: 7,
    lineStyle: { width: 2 },
    areaStyle: data.kind === "area" ? { opacity: data.stacked ? 0.35 : 0.12 } : undefined,
    barMaxWidth: 28,
    itemStyle: kind === "bar" ? { borderRadius: data.stacked ? 0 : [3, 3, 0, 0] } : undefined,
    emphasis: { disabled: true },
  };
}

function spoken(data) {
  const last = data.labels.length - 1;
  const ways = data.series.map((series) => `${series.name} from ${number(series.values[0])} to ${number(series.values[last])}`);
  return `${data.title}, ${day(data.labels[0])} to ${day(data.labels[last])}: ${ways.join("; ")}. The table below holds every value.`;
}

function option(data) {
  const ink = colour("--tblr-secondary");
  const rule = colour("--tblr-border-color");
  const unit = data.unit ? ` ${data.unit}` : "";
  return {
    animation: !still.matches,
    animationDuration: 350,
    aria: { enabled: true, label: { description: spoken(data) } },
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 6, right: 22, top: data.series.length > 1 ? 34 : 14, bottom: 8, containLabel: true },
    legend: data.series.length > 1 ? { top: 0, left: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: ink } } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: colour("--tblr-bg-surface"),
      borderColor: rule,
      textStyle: { color: colour("--tblr-body-color"), fontSize: 13 },
      axisPointer: { lineStyle: { color: ink, type: "dashed" } },
      valueFormatter: (value) => number(value) + unit,
    },
    xAxis: {
      type: "category",
      data: data.labels.map(day),
      boundaryGap: data.kind === "bar",
      axisLine: { lineStyle: { color: rule } },
      axisTick: { show: false },
      axisLabel: { color: ink, hideOverlap: true, margin: 10 },
    },
    yAxis: {
      type: "value",
      scale: data.zero === false,
      minInterval: 1,
      splitNumber: 4,
      axisLabel: { color: ink, formatter: number },
      splitLine: { lineStyle: { color: rule } },
    },
    series: data.series.map((series, at) => line(series, at, data)),
  };
}

function draw(figure) {
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const canvas = figure.querySelector("[data-chart-canvas]");
  if (!data.labels.length) return;
  let chart = drawn.get(canvas);
  if (!chart) {
    canvas.append(document.createElement("div"));
    canvas.firstChild.className = "chart-paper";
    chart = window.echarts.init(canvas.firstChild, null, { renderer: "svg" });
    drawn.set(canvas, chart);
    new ResizeObserver(() => chart.resize()).observe(canvas);
  }
  chart.setOption(option(data), true);
}

function drawAll() {
  for (const figure of document.querySelectorAll("figure[data-chart]")) draw(figure);
}

drawAll();
document.addEventListener("coterie:theme", drawAll);
document.addEventListener("htmx:afterSettle", drawAll);
