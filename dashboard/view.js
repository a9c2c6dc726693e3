// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// Shows everything of a migration except the curves.  Texts come from peers and plugins, so
// they are only ever set as text.
import {bytes, clock, count, ms, rate, seconds, us} from "./format.js";
import {UNDER_WAY} from "./history.js";

const $ = (id) => document.getElementById(id);
const LOG_MOST = 200;

const PHASES = {
  none: "no migration yet",
  setup: "connecting",
  active: "migrating",
  "pre-switchover": "held before the switchover",
  device: "switching over",
  cancelling: "cancelling",
  cancelled: "cancelled",
  failed: "failed",
  completed: "completed",
};

const GUEST = {
  prelaunch: "guest has not started",
  running: "guest runs here",
  paused: "guest is paused",
  inmigrate: "no guest here yet",
  "finish-migrate": "guest is paused to switch over",
  postmigrate: "guest has gone",
  "internal-error": "guest could not resume",
};

const PARTS = [
  ["pause-us", "pause", "stop the guest"],
  ["state-us", "state", "save and send devices"],
  ["harvest-us", "harvest", "last dirty pages found"],
  ["pages-us", "pages", "last pages sent"],
  ["handover-us", "handover", "prepare and commit"],
  ["resume-us", "resume", "guest runs there"],
];

function set(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function reveal(id, text) {
  $(id).hidden = !text;
  set(id, text ?? "");
}

function make(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text ?? "";
  if (className) element.className = className;
  return element;
}

// Gives @list @n children, made by @maker.
function fit(list, n, maker) {
  while (list.children.length > n) list.lastElementChild.remove();
  while (list.children.length < n) list.append(maker());
}

// Returns whether this side receives; it has no memory statistics.
export const isIncoming = (info, runState) =>
    runState === "inmigrate" || (info.status !== undefined && !info["x-tracker"] && !info.ram);

const isUnknown = (info) => info["x-outcome"] === "unknown";

function progress(info, ram) {
  if (info.status === "completed") return 100;
  return ram?.total ? Math.min(99.9, 100 * (1 - ram.remaining / ram.total)) : 0;
}

// Returns the state in a few words.
function headline(info, runState) {
  if (isUnknown(info)) return "outcome unknown";
  if (runState === "inmigrate" && info.status === "active") return "receiving a guest";
  if (runState === "inmigrate" && info.status !== "failed") return "waiting for a guest";
  return PHASES[info.status ?? "none"] ?? info.status;
}

// Returns who has the guest, once that is decided.
function place(info, runState) {
  if (isUnknown(info)) return "the owner of the guest is unknown";
  if (UNDER_WAY.includes(info.status)) return "";
  if (info["x-outcome"] === "destination")
    return runState === "postmigrate" ? "the guest is at the destination" :
                                        "the guest has arrived here";
  if (info["x-outcome"] !== "source" || info.status === "completed") return "";
  if (runState === "inmigrate")
    return "the guest is still at the source; use migrate-incoming here to wait for it again";
  return runState === "running" ? "the guest continues here" : "the guest is here and paused";
}

function phase(info, runState, history) {
  const parts = [place(info, runState)];
  if (UNDER_WAY.includes(info.status) && info.ram)
    parts.push(
        `round ${info.ram["dirty-sync-count"]}`,
        `${bytes(info.ram.remaining)} of ${bytes(info.ram.total)} left`);
  const timeLeft = history.timeLeft();
  if (timeLeft >= 2)
    parts.push(`about ${seconds(Math.ceil(timeLeft)).replace(".0", "")} to go`);
  const listening = info["socket-address"]?.[0];
  if (listening && runState === "inmigrate")
    parts.push(`at ${listening.path ?? `${listening.host}:${listening.port}`}`);
  return parts.filter(Boolean).join(" · ");
}

const NO_END =
    "The guest writes as fast as the links carry: the migration will not converge. Raise the bandwidth limit or the downtime limit, or cancel.";

function showHero(info, runState, history) {
  const status = info.status ?? "none";
  const percent = progress(info, history.ram);
  document.body.dataset.status = status;
  document.body.dataset.known = history.ram || info["x-rounds"] ? "yes" : "no";
  set("status", headline(info, runState));
  set("phase", phase(info, runState, history));
  set("guest", isUnknown(info) ? "guest is stopped here" : GUEST[runState] ?? runState);
  $("guest").dataset.running = String(runState === "running");
  $("bar").hidden = isIncoming(info, runState) || isUnknown(info) ||
      !(history.ram || UNDER_WAY.includes(status) || status === "completed");
  $("progress").value = percent;
  set("percent", `${percent === 100 ? "100" : percent.toFixed(1)} %`);
  const percentage = UNDER_WAY.includes(status) ? `${Math.floor(percent)} % ` : "";
  document.title = `${percentage}${headline(info, runState)} – godwit`;
  reveal("advice", history.fallsBehind() && NO_END);
  $("night").hidden = !isUnknown(info);
  reveal("error", info["error-desc"]);
  $("do-cancel").hidden = isIncoming(info, runState) ||
      !["setup", "active", "pre-switchover", "device"].includes(status);
  $("do-continue").hidden = status !== "pre-switchover";
  $("start").hidden = UNDER_WAY.includes(status) || isUnknown(info) ||
      ["inmigrate", "postmigrate"].includes(runState);
}

function showTiles(info, runState, history, limits) {
  const ram = history.ram;
  const limit = limits["max-bandwidth"];
  const dirtied = ram && ram["dirty-pages-rate"] * ram["page-size"];
  const moving = UNDER_WAY.includes(info.status);
  const rounds = info["x-rounds"];
  set("remaining", bytes(ram?.remaining));
  set("remaining-of", ram ? `of ${bytes(ram.total)}` : "");
  set("dirty", rate(moving ? dirtied : undefined));
  set("dirty-sub", moving && runState !== "running" ? "before the pause" : "newly dirtied");
  set("bandwidth", rate(history.throughput()));
  set("bandwidth-limit", limit ? `limit ${rate(limit)}` : limit === 0 ? "no limit" : "");
  set("transferred", bytes(ram?.transferred));
  set("transferred-pages",
      ram ? `${count(ram.normal)} pages, ${count(ram.duplicate)} zero` : "");
  set("predicted", us(history.predicted));
  set("downtime-limit",
      limits["downtime-limit"] === undefined ? "" : `limit ${ms(limits["downtime-limit"])}`);
  set("achieved", info.blackout ? us(total(info.blackout)) : ms(info.downtime));
  set("achieved-sub", info.blackout ? "parts below" : "");
  set("elapsed", seconds(info["total-time"] / 1000));
  set("setup", info["setup-time"] === undefined ? "" : `${ms(info["setup-time"])} to set up`);
  set("round", ram ? count(ram["dirty-sync-count"]) : rounds ? count(rounds.length) : "–");
  set("plugins", [info["x-tracker"], info["x-transport"]].filter(Boolean).join(" over "));
}

const total = (blackout) => PARTS.reduce((sum, [name]) => sum + blackout[name], 0);

function showBlackout(blackout) {
  const bar = $("blackout");
  const list = $("blackout-parts");
  const sum = blackout ? total(blackout) : 0;
  bar.hidden = list.hidden = !blackout;
  $("blackout-empty").hidden = Boolean(blackout);
  set("blackout-total", blackout ? us(sum) : "");
  if (!blackout || list.dataset.shown === JSON.stringify(blackout)) return;
  list.dataset.shown = JSON.stringify(blackout);
  bar.replaceChildren();
  list.replaceChildren();
  PARTS.forEach(([name, short, long], i) => {
    const piece = make("span", "", `part-${i}`);
    piece.style.flexGrow = blackout[name];
    piece.title = `${short}: ${us(blackout[name])}`;
    bar.append(piece);
    const item = make("li", "", `part-${i}`);
    item.append(
        make("b", short), make("span", long, "sub"), make("output", us(blackout[name])));
    list.append(item);
  });
  bar.setAttribute(
      "aria-label", PARTS.map(([name, short]) => `${short} ${us(blackout[name])}`).join(", "));
}

function linkRow() {
  const row = make("li");
  const bar = make("span", "", "track");
  bar.append(make("i"));
  row.append(make("b"), bar, make("output"));
  return row;
}

function showLinks(info, history) {
  const links = info["x-link-stats"] ?? [];
  const rates = links.map((link) => history.linkSpeed(link.id));
  const moving = rates.some((value) => value !== undefined);
  const values = moving ? rates.map((value) => value ?? 0) : links.map((link) => link.bytes);
  const most = Math.max(...values, 1);
  const lost = links.filter((link) => link.lost).length;
  $("links-empty").hidden = links.length > 0;
  $("links").hidden = links.length === 0;
  const format = moving ? rate : bytes;
  const sum = format(values.reduce((a, b) => a + b, 0));
  set("links-total", links.length ? sum + (lost ? `, ${lost} lost` : "") : "");
  fit($("links"), links.length, linkRow);
  links.forEach((link, i) => {
    const [name, track, value] = $("links").children[i].children;
    name.textContent = `link ${link.id}`;
    track.firstElementChild.style.width = `${100 * values[i] / most}%`;
    value.textContent = link.lost ? `lost after ${bytes(link.bytes)}` : format(values[i]);
    $("links").children[i].classList.toggle("lost", link.lost);
  });
}

function roundRow() {
  const row = make("tr");
  for (let i = 0; i < 6; i++) row.append(make(i ? "td" : "th"));
  row.firstElementChild.scope = "row";
  return row;
}

function showRounds(rounds = []) {
  $("rounds-box").hidden = rounds.length === 0;
  $("rounds-empty").hidden = rounds.length > 0;
  set("rounds-total", rounds.length ? String(rounds.length) : "");
  const key = JSON.stringify(rounds.at(-1) ?? null) + rounds.length;
  if ($("rounds").dataset.shown === key) return;
  $("rounds").dataset.shown = key;
  fit($("rounds"), rounds.length, roundRow);
  rounds.forEach((round, i) => {
    const cells = $("rounds").children[rounds.length - 1 - i].children;
    [String(i + 1), bytes(round.bytes), count(round.pages), ms(round.ms),
     round.ms ? rate(round.bytes * 1000 / round.ms) : "–", count(round["dirty-pages"])]
        .forEach((text, column) => {
          cells[column].textContent = text;
        });
  });
}

export class View {
  constructor() {
    this.told = new Set();
    set("place", location.host);
  }

  say(text, kind = "") {
    const now = new Date();
    const line = make("li", "", kind);
    const time = make("time", clock(now));
    time.dateTime = now.toISOString();
    line.append(time, make("span", text));
    $("log").prepend(line);
    while ($("log").children.length > LOG_MOST) $("log").lastElementChild.remove();
  }

  // Adds a warning or an error of the attempt, once.
  sayOnce(text, kind) {
    if (!text || this.told.has(text)) return;
    this.told.add(text);
    this.say(text, kind);
  }

  setLink(state) {
    if (document.body.dataset.link === state) return;
    document.body.dataset.link = state;
    set("live", state === "live" ? "live" : "no connection, trying again");
    if (state !== "live") this.say("the connection to the server is lost", "bad");
  }

  noteChanges(info, runState, time) {
    if (info.status !== this.status) {
      if (info.status === "setup" || time < this.time) this.told.clear();
      if (info.status)
        this.say(
            `migration: ${headline(info, runState)}`, info.status === "failed" ? "bad" : "");
    }
    if (runState !== this.runState) this.say(GUEST[runState] ?? runState);
    this.status = info.status;
    this.runState = runState;
    this.time = time;
    for (const text of info["x-warnings"] ?? []) this.sayOnce(text, "warn");
    this.sayOnce(info["error-desc"], "bad");
  }

  show(event, history, limits) {
    const info = event.data;
    const runState = event["run-state"];
    this.noteChanges(info, runState, info["total-time"]);
    showHero(info, runState, history);
    showTiles(info, runState, history, limits);
    showBlackout(info.blackout);
    showLinks(info, history);
    showRounds(info["x-rounds"]);
  }
}
