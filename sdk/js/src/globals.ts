// What authors expect of a JavaScript engine and QuickJS does not bring. Comes before the author's own modules.
import { write } from "cx:host/log@0.1.0";
import { inSource } from "./guard.ts";
import { Immediate } from "./immediate.ts";

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value}\n${inSource(value.stack ?? "")}`.trimEnd();
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

const line = (level: "debug" | "info" | "warn" | "error") =>
  (...values: unknown[]) => write(level, values.map(shown).join(" ").toWellFormed());

Object.assign(globalThis, {
  console: { debug: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") },
  // An export of a component has to answer before it returns, so nothing may be put off.
  Promise: Immediate,
});
