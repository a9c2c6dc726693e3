// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

import {Charts} from "./charts.js";
import {Client, CommandError} from "./client.js";
import {ask, askToken} from "./dialogs.js";
import {bytesShort, parseSize} from "./format.js";
import {History} from "./history.js";
import {View} from "./view.js";

const $ = (id) => document.getElementById(id);
const client = new Client(askToken);
const history = new History();
const charts = new Charts();
const view = new View();
const LIMITS_MS = 5000;
const HOLD = "pause-before-switchover";
let limits = {};

async function readLimits() {
  limits = await client.command("query-migrate-parameters");
  $("max-bandwidth").placeholder =
      limits["max-bandwidth"] ? bytesShort(limits["max-bandwidth"]) : "none, or 500M";
  $("limit").placeholder = String(limits["downtime-limit"]);
}

async function readHold() {
  const all = await client.command("query-migrate-capabilities");
  $("hold").checked = all.some((one) => one.capability === HOLD && one.state);
}

// A wall may show many of these pages: the VM's UUID tells them apart, if it has one.
async function readPlace() {
  const {UUID: uuid} = await client.command("query-uuid");
  const given = /[1-9a-f]/.test(uuid);
  $("place").textContent = given ? `${location.host} · ${uuid}` : location.host;
}

// Errors appear in the log, and stay there.
async function attempt(what, action) {
  try {
    await action();
  } catch (error) {
    const refused = error instanceof CommandError;
    view.say(`${what}: ${refused ? error.message : "the server cannot be reached"}`, "bad");
    $("log").scrollTop = 0;
    await ask({
      title: `${what}: it did not work`,
      text: error.message,
      yes: "All right",
      no: "Close"
    });
  }
}

function wantedParameters() {
  const wanted = {};
  if ($("max-bandwidth").value.trim())
    wanted["max-bandwidth"] = parseSize($("max-bandwidth").value);
  if ($("limit").value) wanted["downtime-limit"] = Number($("limit").value);
  if ($("channels").value) wanted["multifd-channels"] = Number($("channels").value);
  return wanted;
}

async function start() {
  const uri = $("uri").value.trim();
  const wanted = wantedParameters();
  const capabilities = [{capability: HOLD, state: $("hold").checked}];
  if ("multifd-channels" in wanted)
    capabilities.push({capability: "multifd", state: wanted["multifd-channels"] > 1});
  const sure = await ask({
    title: "Migrate this guest?",
    text: `It moves to ${uri}, and then no longer runs on this host.`,
    detail: $("hold").checked ?
        "The migration waits before the switchover until you continue it." :
        "The switchover starts by itself as soon as it can keep the downtime limit.",
    yes: "Migrate",
    no: "Leave it here",
  });
  if (!sure) return;
  await attempt("migrate", async () => {
    await client.command("migrate-set-capabilities", {capabilities});
    if (Object.keys(wanted).length) await client.command("migrate-set-parameters", wanted);
    await client.command("migrate", {uri});
    await readLimits();
  });
}

async function cancel() {
  const sure = await ask({
    title: "Cancel the migration?",
    text: "The guest continues on this host. The data sent so far is lost.",
    yes: "Cancel the migration",
    no: "Let it continue",
    danger: true,
  });
  if (sure) await attempt("cancel", () => client.command("migrate_cancel"));
}

async function proceed() {
  const sure = await ask({
    title: "Hand the guest over?",
    text: "It stops here and continues at the destination.",
    yes: "Hand over",
    no: "Wait",
  });
  if (sure)
    await attempt(
        "continue", () => client.command("migrate-continue", {state: "pre-switchover"}));
}

function onEvent(event) {
  if (event.event !== "x-statistics") return;
  const points = history.left.length;
  if (event.data.status !== history.status) readLimits().catch(() => {});
  history.add(event);
  view.show(event, history, limits);
  if (history.left.length !== points) charts.show(history);
}

// Another client may set them, too.
setInterval(() => {
  if (document.body.dataset.link === "live" && !document.hidden) readLimits().catch(() => {});
}, LIMITS_MS);

function onLink(state) {
  const before = document.body.dataset.link;
  view.setLink(state);
  if (state !== "live" || before === "live") return;
  readLimits().catch(() => {});
  readHold().catch(() => {});
  readPlace().catch(() => {});
}

$("start-form").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
$("do-cancel").addEventListener("click", cancel);
$("do-continue").addEventListener("click", proceed);
charts.show(history);
client.watch(onEvent, onLink);
