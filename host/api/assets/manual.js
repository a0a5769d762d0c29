// Makes the manual's pages handier: search, tabs of languages, colours, copying. They are whole without it.
"use strict";

const main = document.querySelector("main");

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/* Headings: their kind of thing apart from their name, and a link to themselves. */
for (const heading of main.querySelectorAll("h2, h3")) {
  const [, word, name] = /^(function|record|variant|enum|type) (\S+)$/.exec(heading.textContent) ?? [];
  if (word) {
    heading.replaceChildren(el("span", { class: "word" }, word), el("span", { class: "name" }, name));
    if (word === "function") heading.classList.add("fn");
  }
  heading.append(el("a", { class: "here", href: `#${heading.id}`, "aria-label": "Link to this" }, "#"));
}
for (const paragraph of main.querySelectorAll("p")) {
  if (paragraph.textContent.startsWith("Used by ")) paragraph.classList.add("users");
}

/* Code: colours by a few rules that fit all languages here, and a button that copies. */
const WORDS = {
  rust: "as async await break const continue crate else enum false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type use where while",
  ts: "as async await break case catch class const continue default else export extends false finally for from function if import in interface let new null of return switch throw true try type typeof undefined while",
  python: "and as assert async await break class continue def del elif else except False finally for from global if import in is lambda match None not or pass raise return True try while with yield",
  go: "break case chan const continue default defer else fallthrough false for func go if import interface map nil package range return select struct switch true type var",
  c: "break case char const continue default do double else enum extern false float for if int long return short signed sizeof static struct switch true typedef union unsigned void while bool NULL",
  wit: "func result option list record variant enum bool string char u8 u16 u32 u64 s8 s16 s32 s64 f32 f64",
  json: "true false null", toml: "true false", sh: "cd",
};
const NOTE = { python: "#[^\\n]*", toml: "#[^\\n]*", sh: "#[^\\n]*", json: "(?!)" };

function colour(code, language) {
  const words = new Set(WORDS[language]?.split(" "));
  const note = NOTE[language] ?? "//[^\\n]*|/\\*[\\s\\S]*?\\*/";
  const long = language === "python" ? '"""[\\s\\S]*?"""|' : language === "ts" || language === "go" ? "`[^`]*`|" : "";
  const quote = language === "rust" ? "" : "|'(?:\\\\.|[^'\\\\\\n])*'";
  const parts = new RegExp(`(${note})|(${long}"(?:\\\\.|[^"\\\\\\n])*"${quote})|\\b(\\d[\\d_.]*)\\b|([A-Za-z_]\\w*)(?=(\\()?)`, "g");
  const text = code.textContent;
  const pieces = [];
  let done = 0;
  for (const found of text.matchAll(parts)) {
    const [whole, comment, string, number, word, call] = found;
    const kind = comment ? "c" : string ? "s" : number ? "n" : words.has(word) ? "k" : call ? "f" : null;
    if (!kind) continue;
    pieces.push(text.slice(done, found.index), el("span", { class: kind }, whole));
    done = found.index + whole.length;
  }
  code.replaceChildren(...pieces, text.slice(done));
}

for (const code of main.querySelectorAll("pre > code")) {
  const language = /language-(\w+)/.exec(code.className)?.[1];
  const text = code.textContent;
  if (language) colour(code, language);
  code.parentElement.append(el("button", {
    onclick: async (event) => {
      await navigator.clipboard.writeText(text);
      event.target.textContent = "Copied";
    },
  }, "Copy"));
}

/* Languages of the worked example as tabs; the one that was chosen last comes first everywhere. */
const LANGUAGES = ["rust", "typescript", "python", "go", "c"];
const start = document.getElementById("worked-example");
if (start) {
  const heads = LANGUAGES.map((id) => document.getElementById(id)).filter((head) => head?.tagName === "H3");
  const tabs = heads.map((head) => {
    // What belongs to all languages has no heading of its own: it begins with the manifest.
    const parts = [];
    for (let at = head.nextElementSibling; at && !/^H[23]$/.test(at.tagName); at = at.nextElementSibling) {
      if (at.tagName === "P" && at.textContent === "plugin.toml") break;
      parts.push(at);
    }
    return { id: head.id, name: head.firstChild.textContent, head, parts };
  });
  const common = [];
  const first = tabs[0];
  for (let at = first?.parts.at(-1)?.nextElementSibling; at && !/^H[23]$/.test(at.tagName); at = at.nextElementSibling) common.push(at);
  const bar = el("div", { class: "tabs", role: "tablist" });
  const choose = (id) => {
    for (const tab of tabs) {
      for (const part of tab.parts) part.hidden = tab.id !== id;
      tab.button.setAttribute("aria-selected", String(tab.id === id));
    }
  };
  for (const tab of tabs) {
    tab.button = el("button", { role: "tab", onclick: () => { localStorage.setItem("language", tab.id); choose(tab.id); } }, tab.name);
    tab.head.hidden = true;
    bar.append(tab.button);
  }
  if (tabs.length > 1) {
    first.head.before(bar);
    // The others' code comes before what all share.
    for (const tab of tabs.slice(1)) for (const part of [tab.head, ...tab.parts]) common[0]?.before(part);
    const chosen = localStorage.getItem("language");
    choose(tabs.some((tab) => tab.id === chosen) ? chosen : first.id);
  }
}

/* Where one is: the heading that was passed last. */
const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
const heads = [...main.querySelectorAll("h2, h3")].filter((head) => links.has(head.id));
let seen = null;
function follow() {
  const passed = heads.filter((head) => !head.hidden && head.getBoundingClientRect().top < 120).at(-1);
  const link = passed && links.get(passed.id);
  if (link === seen) return;
  seen?.classList.remove("seen");
  link?.classList.add("seen");
  link?.scrollIntoView({ block: "nearest" });
  seen = link;
}
addEventListener("scroll", follow, { passive: true });
follow();

/* Search. */
const [search, found] = [document.getElementById("search"), document.getElementById("found")];
const MOST = 20;
let index = null;
let at = 0;

async function look() {
  index ??= await fetch("/docs/manual-index.json").then((answer) => answer.json());
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = index
    .map(([text, page, address, id]) => ({ text, page, href: `${address}#${id}`, all: `${text} ${page}`.toLowerCase() }))
    .filter(({ all }) => words.length > 0 && words.every((word) => all.includes(word)))
    .sort((a, b) => rank(a, words[0]) - rank(b, words[0]))
    .slice(0, MOST);
  at = 0;
  found.replaceChildren(...fits.map(({ text, page, href }) => el("li", {}, el("a", { href }, text, el("small", {}, page)))));
  found.hidden = words.length === 0;
  search.setAttribute("aria-expanded", String(!found.hidden));
  mark();
}

/** A name that begins with the word comes before one that only holds it. */
function rank({ text }, word) {
  const name = text.toLowerCase().split(" ").at(-1);
  return name === word ? 0 : name.startsWith(word) ? 1 : 2;
}

function mark() {
  [...found.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === at)));
  found.children[at]?.scrollIntoView({ block: "nearest" });
}

search.addEventListener("input", look);
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") at = Math.min(at + 1, found.children.length - 1);
  else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
  else if (event.key === "Enter") found.children[at]?.querySelector("a").click();
  else if (event.key === "Escape") { search.value = ""; look(); }
  else return;
  event.preventDefault();
  mark();
});
found.addEventListener("click", () => { found.hidden = true; });
addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, textarea")) { event.preventDefault(); search.focus(); }
});
