// Shows what /status.json says, and what a live connection says of it from then on. Everything that
// came from outside is set as text, never as markup.
"use strict";

const EVERY_MS = 1000;
const PATIENCE_MS = 4000;
const PATIENT_FAILURES = 2;

const GOOD = new Set(["running", "active", "protected", "filled", "planned", "open"]);
const BAD = new Set(["failed", "crash_loop", "refused", "rejected", "quarantined", "unprotected", "abandoned", "denied"]);
const IDLE = new Set(["stopped", "closed", "cancelled", "expired", "deleted", "absent"]);

const at = (id) => document.getElementById(id);
const shown = new Map();
let failures = 0;
let lastGood = null;
let skew = 0;
let marketNow = 0;

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(made.dataset, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// ---- words and numbers -------------------------------------------------------------------------

function tone(state) {
  const word = state.toLowerCase();
  if (GOOD.has(word)) return "good";
  if (BAD.has(word)) return "bad";
  return IDLE.has(word) ? "idle" : "busy";
}

function state(word) {
  return element("span", { className: "state", data: { tone: tone(word) } }, word.toLowerCase().replaceAll("_", " "));
}

function number(text, digits = 8) {
  if (text === null || text === undefined || text === "") return "";
  return Number(text).toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

function price(text) {
  const size = Math.abs(Number(text));
  return number(text, size >= 1000 ? 2 : size >= 1 ? 4 : 8);
}

function money(text, currency) {
  const digits = Math.abs(Number(text)) >= 0.01 ? 2 : 6;
  const figure = Number(text).toLocaleString(undefined, {
    minimumFractionDigits: 2, maximumFractionDigits: digits, signDisplay: "exceptZero",
  });
  return `${figure} ${currency}`.trim();
}

function profitClass(text) {
  const value = Number(text);
  return value > 0 ? "gain" : value < 0 ? "loss" : "";
}

function pair(instrument) {
  const [kind, name] = instrument.split(":");
  return `${name.replace(/^[A-Z]+-/, "").replace("_", "/")}${kind === "fut" ? " futures" : ""}`;
}

function lag(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

// Markets may run fast: how long ago a trade opened is told by their own clock.
function ago(iso, isMarket) {
  const now = isMarket ? marketNow : Date.now() + skew;
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(iso).toLocaleDateString();
}

function when(iso, isMarket = false) {
  const title = `${new Date(iso).toLocaleString()}${isMarket ? ", market time" : ""}`;
  const made = element("time", { dateTime: iso, title, className: "soft" }, ago(iso, isMarket));
  if (isMarket) made.dataset.clock = "market";
  return made;
}

// ---- parts of the page -------------------------------------------------------------------------

function fact(name, value, title = "") {
  return element("div", { title }, element("dt", {}, name), element("dd", {}, value));
}

function ship(one) {
  const memory = one.memory_bytes ? `${Math.round(one.memory_bytes / 1e6)} MB` : "–";
  return element(
    "article", { className: "ship" },
    element(
      "header", {},
      element("div", {},
        element("h3", {}, one.name),
        element("div", { className: "what" }, `${one.strategy} · ${pair(one.instrument)} · ${one.resolution}`)),
      state(one.observed)),
    one.reason ? element("p", { className: "reason" }, one.reason) : null,
    element(
      "dl", {},
      fact("Lag", lag(one.lag_ms), "From a candle's publication to the decision on it"),
      fact("Memory", memory, `Limit ${one.memory_limit_mb} MB`),
      fact("Restarts", String(one.restarts)),
      fact("Launch", `${one.generation}`, `Run by the launcher “${one.launcher}”`)));
}

function cell(label, ...content) {
  const blank = content.every((part) => part === "" || part === null);
  return element("td", { data: label ? { label } : {}, className: blank ? "blank" : "" }, ...content);
}

function figure(label, content, kind = "") {
  const made = cell(label, content);
  made.className = `n ${kind} ${made.className}`.trim();
  return made;
}

function why(text) {
  return text ? element("span", { className: "why" }, text) : null;
}

function tradeRow(one) {
  const profit = one.pnl === null ? "" : money(one.pnl, one.currency);
  const isOpen = one.closed_at === null;
  return [
    cell("", when(one.opened_at, true)), cell("", one.deployment), cell("", pair(one.instrument)), cell("", one.side),
    figure("Quantity", number(one.quantity)), figure("Entry", price(one.entry_price)), figure("Exit", price(one.exit_price)),
    figure("Profit", profit, `${profitClass(one.pnl)}${isOpen ? " open" : ""}`), cell("", state(one.state)),
  ];
}

function signalRow(one) {
  return [
    cell("", when(one.accepted_at)), cell("", one.deployment), cell("", one.action.replace("_", " ").toLowerCase()),
    figure("at", price(one.price)), cell("", element("span", {}, state(one.state), why(one.refusal))),
  ];
}

function orderRow(one) {
  return [
    cell("", when(one.sent_at)),
    cell("", element("span", {}, `${one.side} ${one.kind.replace("_", " ")}`, why(pair(one.instrument)))),
    figure("", number(one.quantity)), figure("at", price(one.price ?? one.trigger_price)),
    cell("", element("span", {}, state(one.state), why(one.reason))),
  ];
}

// A part is drawn anew only when it says something else: a selection of text stays.
function draw(name, data, how) {
  const text = JSON.stringify(data);
  if (shown.get(name) === text) return;
  const isFirst = !shown.has(name);
  shown.set(name, text);
  how(data, isFirst);
}

function drawTable(name, rows, cells) {
  draw(name, rows, (found, isFirst) => {
    const table = at(name);
    const known = new Set([...table.tBodies[0].rows].map((row) => row.dataset.id));
    table.tBodies[0].replaceChildren(...found.map((one) => {
      const isNew = !isFirst && !known.has(one.id);
      return element("tr", { data: { id: one.id }, className: isNew ? "new" : "" }, ...cells(one));
    }));
    table.hidden = found.length === 0;
    table.nextElementSibling.hidden = found.length > 0;
  });
}

function drawProfit(totals) {
  const parts = totals.map((one) => element("span", { className: profitClass(one.pnl) }, money(one.pnl, ""), element("small", {}, one.currency)));
  at("profit").replaceChildren(...(parts.length ? parts : ["–"]));
}

function drawFleet(fleet) {
  at("fleet-list").replaceChildren(...fleet.map(ship));
  at("fleet-empty").hidden = fleet.length > 0;
}

function drawCounts(counts) {
  at("count-running").replaceChildren(String(counts.running), element("small", {}, `of ${counts.deployments}`));
  for (const name of ["signals", "orders", "trades"]) at(`count-${name}`).textContent = number(counts[name]);
}

function drawMissing(missing) {
  at("missing").hidden = missing.length === 0;
  at("missing").replaceChildren(...missing.map((one) => element("li", {}, `${one.part}: ${one.what}`)));
}

function drawClock(status) {
  at("market-clock").hidden = false;
  at("market-time").textContent = new Date(status.market_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  at("speed").hidden = status.speed === 1;
  at("speed").textContent = `${number(status.speed)}× speed`;
}

function show(status) {
  skew = Date.parse(status.at) - Date.now();
  marketNow = Date.parse(status.market_at);
  drawClock(status);
  draw("counts", status.counts, drawCounts);
  draw("totals", status.totals, drawProfit);
  draw("missing", status.missing, drawMissing);
  draw("fleet", status.deployments, drawFleet);
  drawTable("trades", status.trades, tradeRow);
  drawTable("signals", status.signals, signalRow);
  drawTable("orders", status.orders, orderRow);
  at("version").textContent = `Slipway ${status.version}`;
  for (const time of document.querySelectorAll("main time")) {
    time.textContent = ago(time.dateTime, time.dataset.clock === "market");
  }
}

// ---- looking -----------------------------------------------------------------------------------

// The server says what changes, as it changes. Where no live connection comes about, the page asks
// for the whole picture every second instead.
const PROTOCOL = "slipway.live.v1";
const SILENCE_MS = 10000;

let picture = null;

function connected(isReady) {
  failures = 0;
  lastGood = new Date();
  document.body.classList.remove("stale");
  at("banner").hidden = true;
  at("link").dataset.tone = isReady ? "good" : "busy";
  at("link").textContent = isReady ? "live" : "not ready";
}

function disconnected() {
  failures += 1;
  if (failures < PATIENT_FAILURES) return;
  document.body.classList.add("stale");
  at("link").dataset.tone = "bad";
  at("link").textContent = "not connected";
  const since = lastGood ? ` What you see is from ${lastGood.toLocaleTimeString()}.` : "";
  const text = `Not connected to Slipway.${since} Trying again every second.`;
  if (at("banner").textContent !== text) at("banner").textContent = text;
  at("banner").hidden = false;
}

function shows(status) {
  picture = status;
  show(status);
  connected(status.missing.length === 0);
}

async function asked(path, options = {}) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

// Until the connection ends, however it ends.
function listen(ticket) {
  return new Promise((resolve) => {
    const address = `${location.protocol.replace("http", "ws")}//${location.host}/api/v1/live`;
    const socket = new WebSocket(address, [PROTOCOL, `ticket.${ticket}`]);
    let silence = 0;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.close(), SILENCE_MS);
    };
    heard();
    socket.onopen = () => socket.send(JSON.stringify({ type: "subscribe", id: "page", channel: "status" }));
    socket.onmessage = (event) => {
      heard();
      take(JSON.parse(event.data));
    };
    socket.onclose = () => {
      clearTimeout(silence);
      resolve();
    };
  });
}

// Parts come as they change; the clock comes last and says that the picture is whole.
function take(message) {
  if (message.type !== "status" || picture === null) return;
  if (message.is_too_large) {
    asked("/status.json").then(shows, disconnected);
  } else if (message.part === "clock") {
    shows({ ...picture, ...message.value });
  } else {
    picture = { ...picture, [message.part]: message.value };
  }
}

async function keepLooking() {
  for (;;) {
    try {
      shows(await asked("/status.json"));
      const { ticket } = await asked("/status/ticket", { method: "POST" });
      await listen(ticket);
    } catch {
      disconnected();
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

keepLooking();
