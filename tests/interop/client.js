// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// client.js SOURCE DESTINATION URI: migrate a guest, by the package qemu-qmp, as one would with
// two processes of QEMU.
"use strict";
const assert = require("assert");
const QMP = require("qemu-qmp");

const [sourcePath, destinationPath, uri] = process.argv.slice(2);

function connect(path) {
  return new Promise((resolve, reject) => {
    const qmp = new QMP();
    qmp.connect(path, (error) => (error ? reject(error) : resolve(qmp)));
  });
}

function execute(qmp, command, args) {
  return new Promise((resolve, reject) => {
    qmp.execute(
        command, args || null, (error, value) => (error ? reject(error) : resolve(value)));
  });
}

// The package tells that an event came, and not what is in it.
async function completed(qmp) {
  for (;;) {
    const event = new Promise((resolve) => {
      qmp.once("migration", resolve);
    });
    const info = await execute(qmp, "query-migrate");
    if (info.status === "completed") return info;
    assert(info.status !== "failed" && info.status !== "cancelled", JSON.stringify(info));
    await event;
  }
}

async function main() {
  const [source, destination] =
      await Promise.all([connect(sourcePath), connect(destinationPath)]);
  assert.strictEqual(source.version.qemu.major, 10);
  const on = {capabilities: [{capability: "events", state: true}]};
  // Three at once, without anything between them.
  await Promise.all([
    execute(source, "migrate-set-capabilities", on),
    execute(source, "migrate-set-parameters", {"downtime-limit": 2000}),
    execute(destination, "migrate-set-capabilities", on),
  ]);
  const names = (await execute(source, "query-commands")).map((command) => command.name);
  assert(names.includes("migrate"), names);
  await assert.rejects(execute(source, "migrate", {uri: "pigeon:roof"}), /pigeon/);
  await assert.rejects(execute(source, "nope"), /The command nope has not been found/);

  await execute(destination, "migrate-incoming", {uri});
  await execute(source, "migrate", {uri});
  const [here] = await Promise.all([completed(source), completed(destination)]);
  assert.strictEqual(here.ram.remaining, 0);
  const status = await execute(source, "query-status");
  assert.deepStrictEqual(status, {running: false, status: "postmigrate"});
  console.log((await execute(destination, "query-status")).status, here.status);
  source.end();
  destination.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
