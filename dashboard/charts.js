// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// The curves over time, by chart.js, in the colours of the style sheet.
import {bytes, bytesShort, rate, seconds, secondsShort} from "./format.js";

const color = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function curve(label, name) {
  return {
    label,
    name,
    data: [],
    borderWidth: 2,
    pointRadius: 0,
    pointHitRadius: 8,
    tension: 0.15,
    fill: true
  };
}

// Steps of whole binary units: the scale ends at the first step beyond the data.
function endRound(scale) {
  scale.roundStep = 1;
  while (scale.max / scale.roundStep > 6) scale.roundStep *= 2;
  scale.roundEnd = Math.ceil(scale.max / scale.roundStep) * scale.roundStep;
}

function stepRound(scale) {
  scale.ticks = [];
  for (let value = 0; value <= scale.roundEnd; value += scale.roundStep)
    scale.ticks.push({value});
  scale.max = scale.roundEnd;
}

function options(format, short) {
  return {
    animation: false,
    parsing: false,
    normalized: true,
    maintainAspectRatio: false,
    interaction: {mode: "index", intersect: false},
    scales: {
      x: {
        type: "linear",
        min: 0,
        ticks:
            {maxRotation: 0, autoSkipPadding: 24, includeBounds: false, callback: secondsShort}
      },
      y: {
        beginAtZero: true,
        suggestedMax: 1 << 20,
        afterDataLimits: endRound,
        afterBuildTicks: stepRound,
        ticks: {callback: short}
      },
    },
    plugins: {
      legend: {align: "end", labels: {boxWidth: 14, boxHeight: 3}},
      tooltip: {
        callbacks: {
          title: (items) => (items.length ? seconds(items[0].parsed.x) : ""),
          label: (item) => `${item.dataset.label}: ${format(item.parsed.y)}`,
        },
      },
    },
  };
}

export class Charts {
  constructor() {
    const make = (id, format, short, datasets) => new Chart(
        document.getElementById(id),
        {type: "line", data: {datasets}, options: options(format, short)});
    this.rates = make(
        "rates", rate, (value) => `${bytesShort(value)}/s`,
        [curve("dirty rate", "--dirty"), curve("bandwidth", "--sent")]);
    this.left =
        make("left", bytes, (value) => bytesShort(value), [curve("remaining", "--left")]);
    this.left.options.plugins.legend.display = false;
    this.paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    addEventListener("resize", () => this.paint());
  }

  paint() {
    const style = getComputedStyle(document.body);
    Chart.defaults.font.family = style.fontFamily;
    Chart.defaults.font.size = 0.75 * parseFloat(style.fontSize);
    for (const chart of [this.rates, this.left]) {
      for (const set of chart.data.datasets) {
        set.borderColor = color(set.name);
        set.backgroundColor = `${color(set.name)}22`;
      }
      for (const scale of Object.values(chart.options.scales)) {
        scale.grid = {color: color("--line"), borderColor: color("--line")};
        scale.ticks.color = color("--quiet");
      }
      chart.options.plugins.legend.labels.color = color("--text");
      chart.update("none");
    }
  }

  show(history) {
    this.rates.data.datasets[0].data = history.dirty;
    this.rates.data.datasets[1].data = history.bandwidth;
    this.left.data.datasets[0].data = history.left;
    const end = history.left.at(-1)?.x ?? 1;
    for (const chart of [this.rates, this.left]) {
      chart.options.scales.x.max = Math.max(end, 1);
      chart.canvas.parentElement.classList.toggle("is-empty", history.left.length < 2);
      chart.update("none");
    }
  }
}
