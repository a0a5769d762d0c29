/**
 * Jackfield's chat window. Embedded by one line, in any page that the chat entry allows:
 *
 *   <script src="https://HOST/chat/widget.js" data-tenant="demo" data-entry="web" defer></script>
 *
 * Further attributes: data-name (what the visitor is called), data-language (zh or en; else the entry's),
 * data-open (opened at once), data-identity (a token by which the page's site says who the visitor is; later by
 * document.querySelector("jackfield-chat").identify(token)). Colours follow the custom properties --jackfield-accent and --jackfield-on-accent of the
 * page.
 */
(() => {
  "use strict";
  const script = document.currentScript;
  const { tenant, entry, name } = script.dataset;
  const base = `${new URL(script.src).origin}/chat/${tenant}/${entry}`;
  const store = `jackfield-chat:${base}`;

  const TEXTS = {
    en: {
      open: "Open chat", close: "Close chat window", write: "Write a message", send: "Send", end: "End conversation",
      bot: "Assistant", waiting: "You are in the queue", agent: "You are talking with ", ended: "The conversation has ended",
      again: "Start a new conversation", offline: "No connection. Trying again…", typing: "is writing…", preview: "(the agent sees what you write)", seen: "Seen",
      sent: "Sent", sending: "Sending…", failed: "Not sent: ", messages: "Messages", closed: "Chat is not available at the moment.",
      attach: "Attach a file", drop: "Drop files here", remove: "Remove ", save: "Save ", uploading: "Uploading ", file: "file",
      large: (most) => `larger than ${most} MB`, type: "only pictures, PDF and plain text can be sent", damaged: "the file is damaged",
      many: "too many files", full: "no more files can be taken", broken: "no connection",
    },
    zh: {
      open: "打开聊天", close: "关闭聊天窗口", write: "输入消息", send: "发送", end: "结束对话",
      bot: "智能助手", waiting: "正在排队，请稍候", agent: "正在为您服务：", ended: "对话已结束",
      again: "开始新的对话", offline: "连接已断开，正在重连…", typing: "正在输入…", preview: "（客服可看到您正在输入的内容）", seen: "已读",
      sent: "已发送", sending: "发送中…", failed: "发送失败：", messages: "消息", closed: "暂时无法使用在线聊天。",
      attach: "添加文件", drop: "将文件拖放到此处", remove: "移除 ", save: "保存 ", uploading: "正在上传 ", file: "文件",
      large: (most) => `文件超过 ${most} MB`, type: "只能发送图片、PDF 和纯文本文件", damaged: "文件已损坏",
      many: "文件太多", full: "无法再接收文件", broken: "连接已断开",
    },
  };
  let t = TEXTS.en;

  const STYLE = `/* chat.css */`;

  const MARKUP = `
    <button class="launch" part="launch"><svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true"><path d="M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z"/></svg><span class="badge" hidden></span></button>
    <section class="window" role="dialog" aria-labelledby="title" hidden part="window">
      <header><div><h2 id="title"></h2><div class="standing" aria-live="polite"></div></div>
        <button class="end"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><path d="M12 3v9M6.3 6.3a8 8 0 1 0 11.4 0"/></svg></button>
        <button class="close"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><path d="M5 9l7 7 7-7"/></svg></button></header>
      <div class="notice" role="status" hidden></div>
      <ol role="log" aria-live="polite" tabindex="0"></ol>
      <div class="typing" aria-live="off"></div>
      <div class="notice trouble" role="alert" hidden></div>
      <div class="tray" role="group"></div>
      <form><button class="clip" type="button"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M21 11.5l-8.6 8.6a5.6 5.6 0 0 1-8-8l8.7-8.6a3.7 3.7 0 0 1 5.3 5.3l-8.6 8.6a1.9 1.9 0 0 1-2.7-2.7l7.9-7.9"/></svg></button><input type="file" multiple hidden><textarea rows="1" maxlength="8000" enterkeyhint="send"></textarea><button class="send"></button></form>
      <button class="again" hidden></button>
    </section>`;

  const host = document.createElement("jackfield-chat");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(STYLE);
  root.adoptedStyleSheets = [style];
  root.innerHTML = MARKUP;
  const $ = (selector) => root.querySelector(selector);
  const [launch, badge, pane, list, form, field, sendButton, again, notice, standing, typing] = [
    ".launch", ".badge", ".window", "ol", "form", "textarea", ".send", ".again", ".notice", ".standing", ".typing",
  ].map($);

  const tray = $(".tray");
  const picker = $("input");
  /** What may be sent; the server looks at the bytes, too. */
  const TYPES = {
    "image/jpeg": ["jpg", "jpeg", "jfif"], "image/png": ["png"], "image/gif": ["gif"], "image/webp": ["webp"],
    "application/pdf": ["pdf"], "text/plain": ["txt", "csv", "log", "md"],
  };
  const MOST_BYTES = 10 * 1024 * 1024;
  const MOST_FILES = 16;
  picker.accept = [...Object.keys(TYPES), ...Object.values(TYPES).flat().map((ending) => `.${ending}`)].join(",");
  const PAPER = "M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM14 2v5h5M8 13h8M8 17h5";

  const kept = (() => {
    try { return JSON.parse(localStorage.getItem(store)) ?? {}; } catch { return {}; }
  })();
  /** What a reload must not lose: who the visitor is, and what was not acknowledged yet. */
  const state = { token: kept.token, conversation: kept.conversation, outbox: kept.outbox ?? [] };
  const keep = () => {
    try { localStorage.setItem(store, JSON.stringify(state)); } catch { /* private windows may refuse */ }
  };

  /** The conversation that is shown, also when it is over. */
  let talk = null;
  let last = 0;
  let seen = 0;
  let unread = 0;
  let over = false;
  let socket = null;
  let sockets = 0;
  let pause = 500;
  let visited = false;
  let begun = false;
  let typingUntil = 0;
  let saidTyping = 0;
  let sayingTyping = null;
  // Whether the agent sees what is being written.
  let preview = false;

  const speak = (language) => {
    t = language.toLowerCase().startsWith("zh") ? TEXTS.zh : TEXTS.en;
    host.lang = language;
    launch.setAttribute("aria-label", t.open);
    $(".close").setAttribute("aria-label", t.close);
    $(".end").setAttribute("aria-label", t.end);
    $(".end").title = t.end;
    list.setAttribute("aria-label", t.messages);
    field.setAttribute("aria-label", t.write);
    field.placeholder = t.write;
    sendButton.textContent = t.send;
    $(".clip").setAttribute("aria-label", t.attach);
    $(".clip").title = t.attach;
    tray.setAttribute("aria-label", t.attach);
    pane.dataset.drop = t.drop;
    again.textContent = t.again;
  };

  const say = (text) => {
    notice.hidden = !text;
    notice.textContent = text ?? "";
  };

  /** What is wrong with a file; it stands until the next one is chosen, or sent. */
  const complain = (text) => {
    const trouble = $(".trouble");
    trouble.hidden = !text;
    trouble.textContent = text ?? "";
  };

  const request = async (path, options = {}) => {
    const headers = { ...(options.body && { "content-type": "application/json" }), ...(options.token && { authorization: `Bearer ${state.token}` }) };
    const answer = await fetch(base + path, { method: options.body ? "POST" : "GET", headers, body: options.body && JSON.stringify(options.body), signal: options.signal });
    const body = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw Object.assign(new Error(body?.detail ?? answer.statusText), { code: body?.code, status: answer.status });
    return body;
  };

  /** A text of the firm's, with its addresses as links. */
  const linked = (text) =>
    text.split(/(https?:\/\/[^\s<>"'，。]+)/).map((part, index) => {
      if (index % 2 === 0) return part;
      const link = document.createElement("a");
      link.href = part;
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = part;
      return link;
    });

  /** Puts a message on the screen, in the order of its number. Text is set as text, so no markup in it means anything. */
  const show = (message) => {
    const pending = message.client_id && list.querySelector(`[data-client="${CSS.escape(message.client_id)}"]`);
    if (message.number && list.querySelector(`[data-number="${message.number}"]`)) return;
    const item = pending || document.createElement("li");
    item.className = message.author;
    item.replaceChildren();
    if (message.number) item.dataset.number = message.number;
    if (message.client_id) item.dataset.client = message.client_id;
    if (message.author === "agent" || message.author === "bot") {
      const who = document.createElement("span");
      who.className = "who";
      who.textContent = message.author === "bot" ? t.bot : agentName || message.agent;
      item.append(who);
    }
    const text = document.createElement("div");
    text.className = "text";
    text.hidden = !message.text && !!message.attachments?.length;
    if (message.author === "customer") text.textContent = message.text;
    else text.append(...linked(message.text));
    item.append(text, ...(message.attachments ?? []).map(attached));
    if (message.author === "customer") {
      const status = document.createElement("span");
      status.className = "state";
      item.append(status);
    }
    if (message.choices?.length) {
      const choices = document.createElement("div");
      choices.className = "choices";
      for (const choice of message.choices) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = choice.label;
        button.onclick = () => send(choice.label, choice.id);
        choices.append(button);
      }
      item.append(choices);
    }
    // The conversation begins with what was shown before.
    if (message.number) for (const shown of list.querySelectorAll("[data-greeting]")) shown.remove();
    if (message.greeting) item.dataset.greeting = "";
    const later = message.number
      ? [...list.children].find((other) => !other.dataset.number || Number(other.dataset.number) > message.number)
      : null;
    if (item !== later) list.insertBefore(item, later ?? null);
    // Only the newest choices can be picked.
    const offers = [...list.querySelectorAll(".choices")];
    const answered = [...list.children].findLastIndex((other) => other.classList.contains("customer"));
    for (const offer of offers) offer.hidden = offer !== offers.at(-1) || [...list.children].indexOf(offer.parentNode) < answered;
    if (message.number) last = Math.max(last, message.number);
    if (message.author !== "customer") {
      typingUntil = 0;
      showTyping();
      if (pane.hidden && !message.greeting) unread += 1;
    }
    marks();
    list.scrollTop = list.scrollHeight;
  };

  let agentName = null;

  const marks = () => {
    badge.hidden = unread === 0;
    badge.textContent = unread;
    const own = [...list.querySelectorAll(".customer")];
    own.forEach((item, index) => {
      const mark = item.querySelector(".state");
      if (mark.classList.contains("bad")) return;
      const number = Number(item.dataset.number ?? 0);
      mark.textContent = !number ? t.sending : index < own.length - 1 ? "" : number <= seen ? t.seen : t.sent;
    });
    if (!pane.hidden && document.visibilityState === "visible" && last > (state.read ?? 0)) {
      state.read = last;
      post({ type: "read", up_to: last }, "/read", { up_to: last });
    }
  };

  const stand = ({ standing: name, agent }) => {
    agentName = agent ?? agentName;
    standing.textContent = { bot: t.bot, waiting: t.waiting, agent: t.agent + (agent ?? ""), ended: t.ended }[name];
    over = name === "ended";
    form.hidden = over;
    $(".end").hidden = over;
    again.hidden = !over;
    if (over) {
      chosen.forEach(drop);
      state.outbox = [];
      state.conversation = null;
      keep();
    }
  };

  const showTyping = () => {
    const left = typingUntil - Date.now();
    typing.textContent = left > 0 ? `${agentName ?? t.bot} ${t.typing}` : "";
    if (left > 0) setTimeout(showTyping, left + 50);
  };

  const acknowledged = (clientId, number) => {
    state.outbox = state.outbox.filter((waiting) => waiting.client_id !== clientId);
    keep();
    const item = list.querySelector(`[data-client="${CSS.escape(clientId)}"]`);
    if (item && !item.dataset.number) item.dataset.number = number;
    last = Math.max(last, number === last + 1 ? number : last);
    marks();
  };

  const refused = (clientId, why) => {
    state.outbox = state.outbox.filter((waiting) => waiting.client_id !== clientId);
    keep();
    const mark = list.querySelector(`[data-client="${CSS.escape(clientId)}"] .state`);
    if (mark) {
      mark.classList.add("bad");
      mark.textContent = t.failed + why;
    }
  };

  /** A choice of a greeting that the server has forgotten is sent as the text that it was. */
  const refusedBy = ({ client_id, code, message }) => {
    const waiting = state.outbox.find((waiting) => waiting.client_id === client_id);
    if (!waiting?.choice || code !== "invalid-message") return refused(client_id, message);
    delete waiting.choice;
    keep();
    flush();
  };

  /** Over the socket when it is open, else by a request of its own. */
  const post = (frame, path, body) => {
    if (socket?.readyState === WebSocket.OPEN && socket.ready) socket.send(JSON.stringify(frame));
    else if (polling) request(path, { body, token: true }).catch(() => {});
  };

  const flush = () => {
    for (const waiting of state.outbox) {
      const { client_id, text, choice } = waiting;
      const attachments = waiting.attachments?.map(({ id }) => id);
      const body = { client_id, text, ...(choice && { choice }), ...(attachments && { attachments }) };
      if (socket?.ready && socket.readyState === WebSocket.OPEN) {
        socket.send(JSON.stringify({ type: "send", ...body }));
      } else if (polling) {
        request("/messages", { body, token: true })
          .then(({ number }) => acknowledged(client_id, number))
          .catch((error) => error.status >= 400 && error.status < 500 && error.status !== 429 && refusedBy({ client_id, code: error.code, message: error.message }));
      }
    }
  };

  const freshId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const send = (text, choice, attachments) => {
    if (over || (!text.trim() && !attachments)) return;
    const client_id = freshId();
    state.outbox.push({ client_id, text, choice, attachments });
    keep();
    show({ author: "customer", text, client_id, attachments });
    begun ? flush() : begin();
  };

  const drawn = (path, kind) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS(svg.namespaceURI, "path");
    for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "aria-hidden": true, class: kind }))
      svg.setAttribute(name, value);
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  };

  const size = (bytes) => (bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);

  /** Addresses of what was fetched or chosen, by id: the token is no part of an address, so an image can't fetch itself. */
  const addresses = new Map();
  const addressOf = (id) => {
    if (!addresses.has(id)) {
      const load = async () => {
        const answer = await fetch(`${base}/attachments/${talk}/${id}`, { headers: { authorization: `Bearer ${state.token}` } });
        if (!answer.ok) throw new Error(answer.statusText);
        return URL.createObjectURL(await answer.blob());
      };
      const loading = load();
      loading.catch(() => addresses.delete(id));
      addresses.set(id, loading);
    }
    return addresses.get(id);
  };

  const save = async ({ id, name }) => {
    try {
      const link = document.createElement("a");
      link.href = await addressOf(id);
      link.download = name;
      link.click();
    } catch {
      complain(`${name}: ${t.broken}`);
    }
  };

  /** A card for a file; for a picture the picture, once it is there. */
  const attached = (attachment) => {
    const card = document.createElement("button");
    card.type = "button";
    card.className = "file";
    card.setAttribute("aria-label", t.save + attachment.name);
    const words = document.createElement("span");
    const called = document.createElement("b");
    called.textContent = attachment.name;
    const long = document.createElement("span");
    long.textContent = attachment.size == null ? "" : size(attachment.size);
    words.append(called, long);
    card.append(drawn(PAPER), words);
    card.disabled = !attachment.id;
    card.onclick = () => save(attachment);
    if (attachment.id && attachment.media_type.startsWith("image/")) {
      addressOf(attachment.id).then((address) => {
        const image = new Image();
        image.alt = attachment.name;
        image.onload = () => {
          const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
          card.className = "picture";
          card.replaceChildren(image);
          if (atEnd) list.scrollTop = list.scrollHeight;
        };
        image.src = address;
      }).catch(() => {});
    }
    return card;
  };

  /** What was chosen and is not sent yet: uploaded, or on the way. */
  let chosen = [];
  const why = ({ status, code }) =>
    status === 413 ? t.large(MOST_BYTES >> 20) : status === 415 ? t.type : status === 422 || status === 400 ? t.damaged
      : code === "too-many" ? t.many : code === "quota" || status === 409 ? t.full : t.broken;

  const put = (item) => {
    const upload = new XMLHttpRequest();
    item.upload = upload;
    upload.open("POST", `${base}/attachments?${new URLSearchParams({ client_id: item.client_id, name: item.file.name || t.file })}`);
    upload.setRequestHeader("authorization", `Bearer ${state.token}`);
    upload.setRequestHeader("content-type", item.type);
    upload.upload.onprogress = ({ loaded, total }) => (item.bar.value = loaded / total);
    upload.onload = () => {
      let body = {};
      try { body = JSON.parse(upload.response); } catch { /* not the server's words */ }
      if (upload.status === 201) {
        item.bar.remove();
        item.attachment = body;
        if (item.type.startsWith("image/")) addresses.set(body.id, Promise.resolve(item.address));
        return grow();
      }
      if ((upload.status === 429 && body.code !== "quota") || upload.status >= 500) return retry(item);
      // Dropping aborts the upload, which forgets its status.
      const reason = why({ status: upload.status, code: body.code });
      drop(item);
      complain(`${item.file.name}: ${reason}`);
    };
    upload.onerror = () => retry(item);
    upload.send(item.file);
  };
  /** The same file under the same id counts once, so it may be tried until it is there. */
  const retry = (item) => {
    if (item.tries++ < 5) setTimeout(() => chosen.includes(item) && put(item), 1_000 * item.tries);
    else {
      drop(item);
      complain(`${item.file.name}: ${t.broken}`);
    }
  };
  const drop = (item) => {
    chosen = chosen.filter((other) => other !== item);
    item.upload?.abort();
    item.chip.remove();
    grow();
  };

  const choose = (files) => {
    if (over) return;
    if (!begun) return void begin().then(() => begun && choose(files));
    complain(null);
    for (const file of files) {
      const ending = file.name.split(".").at(-1).toLowerCase();
      const type = file.type in TYPES ? file.type : Object.keys(TYPES).find((type) => TYPES[type].includes(ending));
      const refuse = (reason) => complain(`${file.name}: ${reason}`);
      if (!type) { refuse(t.type); continue; }
      if (file.size > MOST_BYTES) { refuse(t.large(MOST_BYTES >> 20)); continue; }
      if (chosen.length >= MOST_FILES) { refuse(t.many); continue; }
      const chip = document.createElement("div");
      chip.className = "chip";
      const item = { file, type, chip, client_id: freshId(), tries: 0, bar: document.createElement("progress") };
      item.bar.max = 1;
      item.bar.setAttribute("aria-label", t.uploading + file.name);
      if (type.startsWith("image/")) {
        const image = new Image();
        image.alt = "";
        image.src = item.address = URL.createObjectURL(file);
        chip.append(image);
      } else chip.append(drawn(PAPER, "kind"));
      const called = document.createElement("span");
      called.textContent = file.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.setAttribute("aria-label", t.remove + file.name);
      remove.append(drawn("M6 6l12 12M18 6L6 18"));
      remove.onclick = () => (drop(item), field.focus());
      chip.append(called, remove, item.bar);
      tray.append(chip);
      chosen.push(item);
      put(item);
    }
    grow();
  };

  const heard = (frame) => {
    switch (frame.type) {
      case "ready":
        socket.ready = true;
        pause = 500;
        say(null);
        seen = frame.agent_read;
        preview = frame.typing_preview;
        field.placeholder = preview ? `${t.write} ${t.preview}` : t.write;
        stand(frame.standing);
        flush();
        return marks();
      case "message":
        if (frame.client_id && frame.author === "customer") acknowledged(frame.client_id, frame.number);
        return show(frame);
      case "ack":
        return acknowledged(frame.client_id, frame.number);
      case "standing":
        return stand(frame);
      case "read":
        seen = frame.up_to;
        return marks();
      case "typing":
        typingUntil = Date.now() + frame.ms;
        return showTyping();
      case "error":
        if (frame.code === "too-fast" || frame.code === "overloaded") return void setTimeout(flush, 2_000);
        if (frame.client_id) return refusedBy(frame);
        if (frame.code === "unknown-visitor") {
          state.token = null;
          begun = visited = false;
        }
        if (frame.code === "no-conversation") stand({ standing: "ended" });
    }
  };

  const connect = () => {
    if (over || !begun) return;
    const mine = new WebSocket(`${base.replace(/^http/, "ws")}/socket`);
    let opened = false;
    socket = mine;
    sockets += 1;
    mine.onopen = () => {
      opened = true;
      mine.send(JSON.stringify({ type: "hello", token: state.token, after: last }));
    };
    mine.onmessage = ({ data }) => socket === mine && heard(JSON.parse(data));
    mine.onclose = () => {
      if (socket !== mine) return;
      socket = null;
      if (over) return;
      // Some networks let no socket through.
      if (!opened && sockets >= 3) return poll();
      say(t.offline);
      setTimeout(() => (begun ? connect() : visit()), pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, 15_000);
    };
  };

  let polling = false;
  const poll = async () => {
    if (polling) return;
    polling = true;
    flush();
    while (!over) {
      try {
        const news = await request(`/messages?after=${last}&wait_ms=15000`, { token: true });
        say(null);
        seen = news.agent_read;
        for (const message of news.messages) heard({ type: "message", ...message });
        stand(news);
        marks();
        if (state.outbox.length) flush();
      } catch (error) {
        if (error.code === "no-conversation") stand({ standing: "ended" });
        else say(t.offline);
        await new Promise((done) => setTimeout(done, 3_000));
      }
    }
    polling = false;
  };

  /** What the page's own site says of who the visitor is; good once, so it is shown once. */
  let identity = script.dataset.identity;
  const vouch = async () => {
    const token = identity;
    if (!token || !begun) return;
    identity = null;
    try {
      await request("/identity", { body: { token }, token: true });
    } catch (error) {
      console.warn(`jackfield: the visitor was not identified (${error.code ?? "offline"})`);
    }
  };
  host.identify = (token) => {
    identity = token;
    return vouch();
  };

  const entitle = ({ title, language }) => {
    $("#title").textContent = title;
    speak(script.dataset.language ?? language);
  };

  /** Tries again what may go well another time. */
  const later = ({ status }, again) => {
    const hopeless = status && status < 500 && status !== 429;
    say(hopeless ? t.closed : t.offline);
    if (hopeless) return;
    setTimeout(again, pause);
    pause = Math.min(pause * 2, 15_000);
  };

  /** Who opens the window is greeted; a conversation begins when somebody writes. */
  const visit = async () => {
    if (visited || begun) return;
    visited = true;
    try {
      const found = await request("/visits", { body: { ...(state.token && { token: state.token }) } });
      if (begun) return;
      say(null);
      pause = 500;
      state.token = found.token;
      keep();
      entitle(found);
      if (found.conversation || state.outbox.length) return void begin();
      state.conversation = list.textContent = null;
      standing.textContent = found.greeting?.length ? t.bot : "";
      for (const { text, choices } of found.greeting ?? []) show({ author: "bot", text, choices, greeting: true });
    } catch (error) {
      visited = false;
      later(error, visit);
    }
  };

  let beginning = null;
  /** Begins a conversation, or goes on with the visitor's own; asked for twice, it is still one. */
  const begin = () => (beginning ??= start().finally(() => (beginning = null)));
  const start = async () => {
    try {
      const session = await request("/sessions", { body: { ...(state.token && { token: state.token }), ...(name && { name }) } });
      if (state.conversation !== session.conversation) {
        // The greeting stays until the same comes as a message.
        for (const item of [...list.children]) if (!("greeting" in item.dataset)) item.remove();
        [last, seen, state.read] = [0, 0, 0];
      }
      talk = session.conversation;
      Object.assign(state, { token: session.token, conversation: talk });
      keep();
      entitle(session);
      begun = true;
      over = $(".end").hidden = false;
      for (const waiting of state.outbox) show({ author: "customer", ...waiting });
      vouch();
      connect();
    } catch (error) {
      later(error, begin);
    }
  };

  const open = () => {
    pane.hidden = false;
    launch.hidden = true;
    unread = 0;
    visit();
    marks();
    list.scrollTop = list.scrollHeight;
    field.focus();
  };
  const close = () => {
    pane.hidden = true;
    launch.hidden = false;
    launch.focus();
  };

  const grow = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 120)}px`;
    field.style.overflowY = field.scrollHeight > 118 ? "auto" : "hidden";
    sendButton.disabled = !(field.value.trim() || chosen.length) || chosen.some((item) => !item.attachment);
  };

  launch.onclick = open;
  $(".close").onclick = close;
  $(".end").onclick = () => post({ type: "end" }, "/end", {});
  again.onclick = () => {
    begun = over = visited = form.hidden = false;
    again.hidden = true;
    visit();
    field.focus();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    if (sendButton.disabled) return;
    complain(null);
    const attachments = chosen.map((item) => item.attachment);
    chosen = [];
    tray.replaceChildren();
    send(field.value, undefined, attachments.length ? attachments : undefined);
    field.value = "";
    grow();
    field.focus();
  };
  const sayTyping = () => {
    sayingTyping = null;
    if (!field.value || !socket?.ready) return;
    saidTyping = Date.now();
    socket.send(JSON.stringify({ type: "typing", text: preview ? field.value : undefined }));
  };
  field.oninput = () => {
    grow();
    const pause = saidTyping + (preview ? 1_000 : 3_000) - Date.now();
    if (pause <= 0) sayTyping();
    // What was written last is shown, too.
    else if (preview) sayingTyping ??= setTimeout(sayTyping, pause);
  };
  field.onkeydown = (event) => {
    // While an input method composes, Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  };
  $(".clip").onclick = () => picker.click();
  picker.onchange = () => {
    choose([...picker.files]);
    picker.value = "";
  };
  field.onpaste = (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    choose(files);
  };
  const carriesFiles = (event) => !over && event.dataTransfer?.types.includes("Files");
  pane.ondragover = (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    pane.classList.add("dropping");
  };
  pane.ondragleave = (event) => pane.contains(event.relatedTarget) || pane.classList.remove("dropping");
  pane.ondrop = (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    pane.classList.remove("dropping");
    choose([...event.dataTransfer.files]);
  };
  pane.onkeydown = (event) => event.key === "Escape" && !event.isComposing && close();
  document.addEventListener("visibilitychange", () => marks());
  addEventListener("online", () => !socket && begun && connect());

  speak(script.dataset.language ?? navigator.language);
  $(".end").hidden = true;
  grow();
  const place = () => {
    document.body.append(host);
    if ("open" in script.dataset) open();
    else if (state.conversation || state.outbox.length) visit();
  };
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
