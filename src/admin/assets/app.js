"use strict";

// The page lives at BASE or BASE/dashboard/, the API at BASE/api/.
const base = location.pathname.replace(/(dashboard\/)?[^/]*$/, "");
for (const link of document.querySelectorAll("#links a")) {
  link.href = base + link.getAttribute("href").replace("../", "");
}

const element = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tokenKey = "limpet-token";
const rows = new Map(); // by server id: the row's parts and the last traffic seen
const tables = new Map(); // by service: its section

function headers() {
  const token = sessionStorage.getItem(tokenKey);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function call(path, method = "GET") {
  const answer = await fetch(base + path, { method, headers: headers(), cache: "no-store" });
  element("login").hidden = answer.status !== 401;
  // Plain links cannot bring a token.
  element("links").hidden = answer.status === 401 || sessionStorage.getItem(tokenKey) !== null;
  if (!answer.ok) throw new Error(answer.status === 401 ? "token needed" : `the API answers ${answer.status}`);
  return answer.json();
}

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(tokenKey, element("token").value);
  element("token").value = "";
  refresh();
});

function tableOf(service, cookieName) {
  let section = tables.get(service);
  if (!section) {
    section = element("service").content.cloneNode(true).querySelector("section");
    tables.set(service, section);
    element("services").append(section);
  }
  const title = section.querySelector("h2");
  const note = document.createElement("small");
  note.textContent = cookieName ? `sticky by cookie ${cookieName}` : "not sticky by cookie";
  title.replaceChildren(service, note);
  return section.querySelector("tbody");
}

function rowOf(server) {
  let row = rows.get(server.id);
  if (row) return row;
  const line = element("row").content.cloneNode(true).querySelector("tr");
  const part = (name) => line.querySelector(name);
  row = { line, part, traffic: null, at: 0 };
  part(".drain").addEventListener("click", async () => {
    try {
      await call(`api/servers/${server.id}/${part(".drain").dataset.action}`, "POST");
      await refresh();
    } catch (problem) {
      showLink(problem.message, "lost");
    }
  });
  part(".cookie").addEventListener("click", () => navigator.clipboard?.writeText(part(".cookie").textContent));
  rows.set(server.id, row);
  return row;
}

function show(server, now) {
  const row = rowOf(server);
  const { part } = row;
  const body = tableOf(server.service, server.cookieName);
  if (row.line.parentNode !== body) body.append(row.line);
  part(".url").textContent = server.url;
  part(".status").textContent = server.status;
  part(".status").className = `status ${server.status}`;
  part(".status").title = `health ${server.health}, admin ${server.admin}${server.fenced ? ", fenced by discovery" : ""}`;
  part(".connections").textContent =
    server.capacity === null ? whole.format(server.connections)
      : `${whole.format(server.connections)} / ${whole.format(server.capacity)}`;
  const meter = part("meter");
  meter.hidden = server.capacity === null;
  if (server.capacity !== null) {
    meter.max = server.capacity;
    meter.high = server.capacity * 0.9;
    meter.value = server.connections;
  }
  part(".tunnels").textContent = whole.format(server.tunnels);
  part(".failures").textContent = whole.format(server.traffic.failures);
  part(".cookie").textContent = server.cookieValue;
  const drains = server.admin !== "ready";
  part(".drain").textContent = drains ? "Undrain" : "Drain";
  part(".drain").dataset.action = drains ? "undrain" : "drain";

  const rate = { up: 0, down: 0 };
  if (row.traffic && now > row.at) {
    const seconds = (now - row.at) / 1000;
    rate.up = Math.max(0, server.traffic.messagesToServer - row.traffic.messagesToServer) / seconds;
    rate.down = Math.max(0, server.traffic.messagesToClient - row.traffic.messagesToClient) / seconds;
  }
  row.traffic = server.traffic;
  row.at = now;
  part(".up-rate").textContent = whole.format(rate.up);
  part(".down-rate").textContent = whole.format(rate.down);
  return rate;
}

function showTotals(servers, rates) {
  const sum = (value) => servers.reduce((total, server) => total + value(server), 0);
  const well = servers.filter((server) => server.status === "up" || server.status === "unknown").length;
  const cards = [
    [`${whole.format(well)} / ${whole.format(servers.length)}`, "servers take new users"],
    [whole.format(sum((server) => server.connections)), "connections"],
    [whole.format(sum((server) => server.tunnels)), "WebSockets open"],
    [whole.format(rates.up), "messages/s to servers"],
    [whole.format(rates.down), "messages/s to clients"],
    [whole.format(sum((server) => server.traffic.requests)), "requests so far"],
  ];
  element("totals").replaceChildren(...cards.map(([value, label]) => {
    const card = document.createElement("div");
    card.className = "card";
    const number = document.createElement("b");
    number.textContent = value;
    const text = document.createElement("span");
    text.textContent = label;
    card.append(number, text);
    return card;
  }));
}

function showProblems(providers) {
  const items = providers.flatMap((provider) => provider.problems.map((problem) => {
    const item = document.createElement("li");
    item.className = problem.severity;
    const place = [problem.place, problem.key].filter(Boolean).join(": ");
    item.textContent = `${provider.name}: ${place}${place ? ": " : ""}${problem.message}`;
    return item;
  }));
  element("problems").replaceChildren(...items);
}

function forgetVanished(servers) {
  const ids = new Set(servers.map((server) => server.id));
  for (const [id, row] of rows) {
    if (!ids.has(id)) {
      row.line.remove();
      rows.delete(id);
    }
  }
  const services = new Set(servers.map((server) => server.service));
  for (const [name, section] of tables) {
    if (!services.has(name)) {
      section.remove();
      tables.delete(name);
    }
  }
}

function showLink(text, kind) {
  element("link").textContent = text;
  element("link").className = kind;
}

async function refresh() {
  try {
    const [servers, providers] = await Promise.all([call("api/servers"), call("api/providers")]);
    const now = performance.now();
    const rates = { up: 0, down: 0 };
    for (const server of servers) {
      const rate = show(server, now);
      rates.up += rate.up;
      rates.down += rate.down;
    }
    forgetVanished(servers);
    showTotals(servers, rates);
    showProblems(providers);
    element("none").hidden = servers.length > 0;
    if (!element("version").textContent) element("version").textContent = (await call("api/version")).Version;
    showLink("live", "live");
  } catch (problem) {
    showLink(problem instanceof TypeError ? "no connection" : problem.message, "lost");
  }
}

async function follow() {
  if (!document.hidden) await refresh();
  setTimeout(follow, 1000);
}
follow();
