// Shows /openapi.json. Everything is put in as text, never as markup.
"use strict";

const VERBS = ["get", "put", "post", "delete"];

/** Makes an element: its attributes, then its children (text or elements). */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

/** Text with `code` in it, a paragraph for each empty line. */
function prose(text) {
  return (text ?? "").split("\n\n").filter(Boolean).map((part) =>
    el("p", {}, part.split("`").map((piece, at) => (at % 2 ? el("code", {}, piece) : piece.replaceAll("\n", " ")))));
}

function inline(text) {
  return (text ?? "").split("`").map((piece, at) => (at % 2 ? el("code", {}, piece) : piece));
}

class Reference {
  constructor(document) {
    this.document = document;
  }

  resolve(thing) {
    let depth = 0;
    while (thing?.$ref && depth++ < 8) {
      thing = thing.$ref.slice(2).split("/").reduce((at, part) => at?.[part], this.document);
    }
    return thing ?? {};
  }

  /** A schema without `null` beside it. */
  plain(schema) {
    const full = this.resolve(schema);
    const choices = (full.oneOf ?? full.anyOf)?.filter((choice) => choice.type !== "null");
    return choices?.length === 1 ? { ...this.resolve(choices[0]), nullable: true } : full;
  }

  typeName(schema) {
    const full = this.plain(schema);
    const types = [full.type].flat().filter((type) => type && type !== "null");
    const or = full.nullable || [full.type].flat().includes("null") ? " or null" : "";
    if (types[0] === "array") return `list of ${this.typeName(full.items)}${or}`;
    if (full.oneOf) return "one of" + or;
    const name = types.join(" or ") || "any";
    const map = typeof full.additionalProperties === "object" ? ` of ${this.typeName(full.additionalProperties)}` : "";
    return name + map + or;
  }

  fields(schema, depth = 0) {
    const full = this.plain(schema);
    if (full.oneOf) {
      return full.oneOf.map((choice) => {
        const inner = this.fields(choice, depth);
        return inner ? el("div", {}, inlineParagraph(this.resolve(choice).description), inner) : null;
      });
    }
    if (full.type === "array" || [full.type].flat().includes("array")) return this.fields(full.items, depth);
    if (!full.properties || depth > 4) return null;
    const required = new Set(full.required ?? []);
    const rows = Object.entries(full.properties).map(([name, property]) => {
      const inner = this.fields(property, depth + 1);
      const note = property.description ?? (property.oneOf ?? []).find((choice) => choice.description)?.description
        ?? this.resolve(property).description;
      const values = property.enum ? [" (", property.enum.map((value) => JSON.stringify(value)).join(", "), ")"] : [];
      return el("tr", {},
        el("td", {}, el("code", {}, name), required.has(name) ? el("span", { class: "need", title: "required" }, " *") : null),
        el("td", {}, this.typeName(property)),
        el("td", {}, inline(note), values, inner));
    });
    return el("table", {}, rows);
  }

  example(schema, depth = 0) {
    const full = this.plain(schema);
    if (full.example !== undefined) return full.example;
    if (full.examples?.length) return full.examples[0];
    if (full.enum) return full.enum[0];
    if (full.oneOf) return this.example(full.oneOf[0], depth + 1);
    const type = [full.type].flat()[0];
    if (depth > 4) return null;
    if (type === "array") return [];
    if (full.properties) {
      const required = full.required ?? Object.keys(full.properties);
      return Object.fromEntries(required.map((name) => [name, this.example(full.properties[name], depth + 1)]));
    }
    return { string: "", integer: 0, number: 0, boolean: false, object: {} }[type] ?? null;
  }
}

function inlineParagraph(text) {
  return text ? el("p", {}, inline(text)) : null;
}

// A narrow column breaks a path behind its slashes.
function breakable(path) {
  return path.split(/(?<=\/)/).flatMap((part, at) => (at > 1 ? [el("wbr"), part] : [part]));
}

function pathParts(path) {
  return path.split(/(\{[^}]+\})/).map((part) => (part.startsWith("{") ? el("i", {}, part) : part));
}

function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The answer to a request, with its status and how long it took. */
async function send(form, op, out) {
  const values = new FormData(form);
  let path = op.path;
  const query = new URLSearchParams();
  for (const parameter of op.parameters) {
    const value = values.get(parameter.name) ?? "";
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "query" && value) query.set(parameter.name, value);
  }
  const url = path + (query.size ? `?${query}` : "");
  const headers = {};
  const key = document.getElementById("key").value.trim();
  if (key && op.locked) headers.authorization = `Bearer ${key}`;
  let body;
  if (op.json) {
    headers["content-type"] = "application/json";
    body = values.get("body");
  }
  out.replaceChildren(el("span", { class: "status" }, "…"));
  const started = performance.now();
  try {
    const answer = await fetch(url, { method: op.verb.toUpperCase(), headers, body });
    const text = await answer.text();
    const took = Math.round(performance.now() - started);
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
    const more = shown.length > 20000 ? "\n… cut" : "";
    out.replaceChildren(
      el("span", { class: `status ${answer.ok ? "good" : "bad"}` }, `${answer.status} ${answer.statusText} · ${took} ms`),
      shown ? el("pre", {}, shown.slice(0, 20000) + more) : null);
  } catch (error) {
    out.replaceChildren(el("span", { class: "status bad" }, `no answer: ${error.message}`));
  }
}

function curl(op, reference) {
  const parts = ["curl"];
  if (op.verb !== "get") parts.push("-X", op.verb.toUpperCase());
  if (op.locked) parts.push("-H", '"Authorization: Bearer $JACKFIELD_KEY"');
  if (op.json) parts.push("-H", "'Content-Type: application/json'", "-d", shell(JSON.stringify(reference.example(op.json))));
  if (op.wasm) parts.push("-H", "'Content-Type: application/wasm'", "--data-binary", "@plugin.wasm");
  parts.push(`'${location.origin}${op.path}'`);
  return parts.join(" ");
}

/** The form that sends a request; streams and uploads are for the command line. */
function tryIt(op, reference) {
  if (op.wasm || op.streams) return null;
  const out = el("div", {});
  const inputs = op.parameters.filter((parameter) => parameter.in !== "header").map((parameter) =>
    el("label", {}, parameter.name, el("input", { class: "value", name: parameter.name, required: parameter.in === "path" })));
  const form = el("form", { class: "try", onsubmit: (event) => { event.preventDefault(); send(form, op, out); } },
    inputs.length ? el("div", { class: "line" }, inputs) : null,
    op.json ? el("textarea", { name: "body", spellcheck: "false", "aria-label": "Body" },
      JSON.stringify(reference.example(op.json), null, 2)) : null,
    el("div", { class: "line" }, el("button", {}, "Send")), out);
  return [el("h3", {}, "Try it"), form];
}

function operation(op, reference) {
  const parameters = op.parameters.map((parameter) => el("tr", {},
    el("td", {}, el("code", {}, parameter.name), parameter.required ? el("span", { class: "need" }, " *") : null),
    el("td", {}, `${parameter.in}, ${reference.typeName(parameter.schema)}`),
    el("td", {}, inline(parameter.description))));
  const answers = Object.entries(op.responses).map(([status, response]) => {
    const full = reference.resolve(response);
    const [type, content] = Object.entries(full.content ?? {})[0] ?? [];
    const fields = type === "application/problem+json" ? null : reference.fields(content?.schema);
    return el("tr", {}, el("td", {}, el("code", {}, status)), el("td", {}, type ?? "no body"),
      el("td", {}, inline(full.description), fields));
  });
  const body = el("div", { class: "body" },
    prose(op.description),
    parameters.length ? [el("h3", {}, "Parameters"), el("table", {}, parameters)] : null,
    op.json ? [el("h3", {}, "Body"), reference.fields(op.json)] : null,
    el("h3", {}, "Answers"), el("table", {}, answers),
    el("h3", {}, "On the command line"), el("pre", {}, curl(op, reference)),
    tryIt(op, reference));
  return el("details", { class: "op", id: op.id },
    el("summary", {},
      el("span", { class: `verb ${op.verb}` }, op.verb.toUpperCase()),
      el("span", { class: "path" }, pathParts(op.path)),
      el("span", { class: "what" }, (op.summary ?? "").replaceAll("`", "")),
      el("span", { class: "roles" }, op.roles)),
    body);
}

function gather(document, reference) {
  const operations = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const verb of VERBS.filter((verb) => item[verb])) {
      const op = item[verb];
      const content = op.requestBody ? reference.resolve(op.requestBody).content : {};
      const roles = /Needs one of the roles: ([^.]+)\./.exec(op.description ?? "")?.[1]
        ?? (op.security?.length ? (/operator/.test(op.description) ? "operator" : "any key") : "no key");
      operations.push({
        ...op, path, verb, roles, id: op.operationId, tag: op.tags?.[0] ?? "other", locked: Boolean(op.security?.length),
        parameters: (op.parameters ?? []).map((parameter) => reference.resolve(parameter)),
        responses: op.responses ?? {},
        json: content?.["application/json"]?.schema, wasm: Boolean(content?.["application/wasm"]),
        streams: Object.values(op.responses ?? {}).some((response) => response.content?.["text/event-stream"]),
      });
    }
  }
  return operations;
}

function filter(entries, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const entry of entries) {
    const fits = words.every((word) => entry.words.includes(word));
    any ||= fits;
    for (const element of entry.elements) element.hidden = !fits;
  }
  for (const heading of document.querySelectorAll("[data-tag]")) {
    heading.hidden = !entries.some((entry) => entry.tag === heading.dataset.tag && !entry.elements[0].hidden);
  }
  document.getElementById("nothing").hidden = any;
}

function show(openapi) {
  const reference = new Reference(openapi);
  const operations = gather(openapi, reference);
  document.getElementById("version").textContent = openapi.info.version;
  document.getElementById("intro").append(el("h1", {}, `${openapi.info.title} API`), ...prose(openapi.info.description));
  const [nav, main] = [document.getElementById("nav"), document.getElementById("operations")];
  const entries = [];
  for (const tag of openapi.tags ?? []) {
    const mine = operations.filter((op) => op.tag === tag.name);
    if (!mine.length) continue;
    nav.append(el("h2", { "data-tag": tag.name }, tag.name));
    main.append(el("h2", { "data-tag": tag.name }, tag.name[0].toUpperCase() + tag.name.slice(1)),
      el("p", { "data-tag": tag.name }, tag.description ?? ""));
    for (const op of mine) {
      const link = el("a", { href: `#${op.id}`, title: op.summary }, el("span", { class: `verb ${op.verb}` },
        op.verb === "delete" ? "DEL" : op.verb.toUpperCase()), el("span", {}, breakable(op.path.replace("/v1", ""))));
      const details = operation(op, reference);
      nav.append(link);
      main.append(details);
      const words = [op.verb, op.path, op.summary, op.description, details.textContent].join(" ").toLowerCase();
      entries.push({ tag: tag.name, words, elements: [details, link] });
    }
  }
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.matches("details")) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
  const search = document.getElementById("search");
  search.addEventListener("input", () => filter(entries, search.value));
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input, textarea")) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && event.target === search) { search.value = ""; filter(entries, ""); }
  });
}

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById("intro").append(el("p", {}, `The document could not be read: ${error.message}`));
});
