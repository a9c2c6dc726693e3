// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: The godwit authors

// Numbers as people read them.  An unknown number is a dash.
const NONE = "–";

const known = (value) => typeof value === "number" && Number.isFinite(value);

// Three digits are enough, and keep their width.
const three = (value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value, digits = three) {
  if (!known(value)) return NONE;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit ? digits(value) : Math.round(value)} ${UNITS[unit]}`;
}

export const rate = (value) => (known(value) ? `${bytes(value)}/s` : NONE);

// For an axis: 8 MiB, not 8.00 MiB.
export const bytesShort = (value) => bytes(value, (number) => String(Number(three(number))));
export const secondsShort = (value) =>
    (value < 60 ? `${Number(value.toFixed(1))} s` : seconds(value));

export const count = (value) => (known(value) ? value.toLocaleString("en") : NONE);

export const ms = (value) =>
    (known(value) ? (value < 10000 ? `${Math.round(value)} ms` : seconds(value / 1000)) : NONE);

export const us = (value) => {
  if (!known(value)) return NONE;
  return value < 1000 ? `${value} µs` :
      value < 1e6 ? `${three(value / 1000)} ms` :
                    `${three(value / 1e6)} s`;
};

export function seconds(value) {
  if (!known(value)) return NONE;
  if (value < 60) return `${value.toFixed(1)} s`;
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const hours = value >= 3600 ? `${Math.floor(value / 3600)}:` : "";
  return `${hours}${two((value / 60) % 60)}:${two(value % 60)}`;
}

export const clock = (date) => date.toLocaleTimeString("en-GB");

// Returns the bytes of "500M" or "1.5 GiB"; undefined for any other text.
export function parseSize(text) {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?\s*$/i.exec(text);
  if (!match) return undefined;
  return Math.round(
      Number(match[1]) * 1024 ** (" KMGT".indexOf(match[2].toUpperCase() || " ")));
}
