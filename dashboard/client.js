// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// The server: its commands and its events.  Both can carry a token, which EventSource cannot.
const KEY = "godwit-token";
const RETRY_MS = [500, 1000, 2000, 5000];
// Statistics come 5 times a second; silence means that the link is dead without an error.
const SILENCE_MS = 5000;

export class CommandError extends Error {}

export class Client {
  // askToken(wrong): returns a promise of the token.
  constructor(askToken) {
    this.askToken = askToken;
    this.token = sessionStorage.getItem(KEY);
    this.asking = null;
  }

  // Asks only one question at a time, whoever calls.
  renewToken(used) {
    if (used !== this.token) return Promise.resolve();
    this.asking ??= this.askToken(used !== null).then((token) => {
      this.token = token;
      sessionStorage.setItem(KEY, token);
      this.asking = null;
    });
    return this.asking;
  }

  async fetch(path, options = {}) {
    for (;;) {
      const used = this.token;
      const headers = {...options.headers};
      if (used) headers.Authorization = `Bearer ${used}`;
      const answer = await fetch(path, {...options, headers, cache: "no-store"});
      if (answer.status !== 401) return answer;
      await this.renewToken(used);
    }
  }

  async command(execute, args) {
    const answer = await this.fetch("/qmp", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify(args ? {execute, arguments: args} : {execute}),
    });
    const message = await answer.json();
    if (message.error) throw new CommandError(message.error.desc);
    return message.return;
  }

  // Runs for ever: calls onEvent(event) for each, and onLink("live", "lost") on changes.
  async watch(onEvent, onLink) {
    for (let failures = 0;; failures++) {
      try {
        await this.readEvents((event) => {
          failures = 0;
          onLink("live");
          onEvent(event);
        });
      } catch (error) {
        console.info("events:", error.message);
      }
      onLink("lost");
      await new Promise(
          (done) => setTimeout(done, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
    }
  }

  async readEvents(onEvent) {
    const stop = new AbortController();
    let alarm;
    const alive = () => {
      clearTimeout(alarm);
      alarm = setTimeout(() => stop.abort(new Error("silence")), SILENCE_MS);
    };
    try {
      const answer = await this.fetch("/events", {signal: stop.signal});
      if (!answer.ok) throw new Error((await answer.json()).error.desc);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        alive();
        const {value, done} = await reader.read();
        if (done) return;
        const parts = (text + value).split("\n\n");
        text = parts.pop();
        for (const part of parts) onEvent(JSON.parse(part.slice("data: ".length)));
      }
    } finally {
      clearTimeout(alarm);
      stop.abort();
    }
  }
}
