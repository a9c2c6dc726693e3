// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// The statistics of one attempt, thinned out when it is long: each curve has at most MOST
// points, and the whole attempt is always in view.
const MOST = 1200;
const WINDOW_MS = 1000;
const PATIENCE = 20;  // samples

export const UNDER_WAY = ["setup", "active", "pre-switchover", "device", "cancelling"];

export class History {
  constructor() {
    this.clear();
  }

  clear() {
    this.dirty = [];
    this.bandwidth = [];
    this.left = [];
    this.recent = [];      // of {at, sent, links: []}, for the last second
    this.ram = undefined;  // the last one, also when the server no longer sends it
    this.predicted = undefined;
    this.every = 1;
    this.seen = 0;
  }

  // A new attempt begins with setup, or with a shorter time than before.
  isNew(info, status) {
    const earlier = info["total-time"] !== undefined && info["total-time"] < this.time;
    return (status === "setup" && this.status !== "setup") || earlier;
  }

  add(event) {
    const info = event.data;
    const status = info.status;
    if (this.isNew(info, status)) this.clear();
    this.status = status;
    this.time = info["total-time"] ?? 0;
    this.ram = info.ram ?? this.ram;
    if (info["x-predicted-downtime"] !== undefined || UNDER_WAY.includes(status))
      this.predicted = info["x-predicted-downtime"];
    if (!UNDER_WAY.includes(status) || !info.ram) return;
    this.addRecent(event["time-ms"], info);
    if (this.seen++ % this.every === 0) this.addPoint(info);
  }

  addPoint(info) {
    const x = info["total-time"] / 1000;
    this.dirty.push({x, y: info.ram["dirty-pages-rate"] * info.ram["page-size"]});
    this.bandwidth.push({x, y: this.throughput() ?? 0});
    this.left.push({x, y: info.ram.remaining});
    if (this.left.length <= MOST) return;
    this.every *= 2;
    for (const name of ["dirty", "bandwidth", "left"])
      this[name] = this[name].filter((_, i) => i % 2 === 0);
  }

  addRecent(at, info) {
    const links = (info["x-link-stats"] ?? []).map((link) => link.bytes);
    this.recent.push({at, sent: info.ram.transferred, links});
    while (this.recent.length > 2 && at - this.recent[0].at > WINDOW_MS) this.recent.shift();
  }

  // Returns the bytes per second of what pick() takes from a sample, over the last second.
  speed(pick) {
    const first = this.recent.find((sample) => pick(sample) !== undefined);
    const last = this.recent.at(-1);
    if (!first || first === last || !UNDER_WAY.includes(this.status)) return undefined;
    return (pick(last) - pick(first)) * 1000 / (last.at - first.at);
  }

  throughput() {
    return this.speed((sample) => sample.sent);
  }

  linkSpeed(id) {
    return this.speed((sample) => sample.links[id]);
  }

  // For some seconds the guest has dirtied about as much as the links carry, and the rest has
  // not shrunk.
  fallsBehind() {
    const n = this.left.length;
    if (this.status !== "active" || n < PATIENCE || this.ram["dirty-sync-count"] < 2)
      return false;
    const sum = (curve) => curve.slice(-PATIENCE).reduce((all, point) => all + point.y, 0);
    return sum(this.bandwidth) > 0 && sum(this.dirty) > 0.9 * sum(this.bandwidth) &&
        this.left[n - 1].y > 0.95 * this.left[n - PATIENCE].y;
  }

  // Returns seconds, or undefined while unknown.
  timeLeft() {
    const gain = this.throughput() - (this.dirty.at(-1)?.y ?? 0);
    return this.status === "active" && gain > 0.2 * this.throughput() ?
        this.ram.remaining / gain :
        undefined;
  }
}
