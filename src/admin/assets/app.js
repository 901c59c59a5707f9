import { base, call, hasToken, keepToken } from "./api.js";
import { scalingPanel } from "./scaling.js";
import { measure, showServers } from "./servers.js";
import { copyOf, element, setText, showList, whole } from "./view.js";

const EVERY_MS = 1000;
const panels = new Map(); // by service: its scaling

for (const link of document.querySelectorAll("#links a")) {
  link.href = base + link.getAttribute("href").replace("../", "");
}

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(element("token").value);
  element("token").value = "";
  refresh();
});

function showLink(text, kind) {
  setText(element("link"), text);
  element("link").className = kind;
}
const actions = { refresh, complain: (text) => showLink(text, "lost") };

function showService(section, { name, servers, pool }, now) {
  const cookie = servers.find((server) => server.cookieName)?.cookieName;
  setText(section.querySelector("h2 span"), name);
  setText(section.querySelector("h2 small"), cookie ? `sticky by cookie ${cookie}` : "not sticky by cookie");
  showServers(section.querySelector("tbody"), servers, actions);
  section.querySelector(".empty").hidden = servers.length > 0;
  panels.get(name).show(pool, now);
}

function makeService({ name }) {
  const section = copyOf("service");
  section.setAttribute("aria-label", `Service ${name}`);
  panels.set(name, scalingPanel(section, name, refresh));
  return section;
}

/** Servers and pools by service. */
function servicesOf(servers, pools) {
  const services = new Map();
  const of = (name) => {
    if (!services.has(name)) services.set(name, { name, servers: [], pool: null });
    return services.get(name);
  };
  for (const pool of pools) of(pool.service).pool = pool;
  for (const server of servers) {
    const service = of(server.service);
    server.name = service.pool?.servers.find(({ url }) => url === server.url)?.name;
    service.servers.push(server);
  }
  return [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function showServices(services, now) {
  for (const [name, panel] of panels) {
    if (services.some((service) => service.name === name)) continue;
    panel.forget();
    panels.delete(name);
  }
  showList(element("services"), services,
    { key: ({ name }) => name, make: makeService, update: (section, service) => showService(section, service, now) });
}

function showTotals(servers) {
  const sum = (value) => servers.reduce((total, server) => total + value(server), 0);
  const well = servers.filter((server) => server.status === "up" || server.status === "unknown").length;
  const cards = [
    ["servers take new users", `${whole.format(well)} / ${whole.format(servers.length)}`],
    ["connections", whole.format(sum((server) => server.connections))],
    ["WebSockets open", whole.format(sum((server) => server.tunnels))],
    ["messages/s to servers", whole.format(sum((server) => server.rate.up))],
    ["messages/s to clients", whole.format(sum((server) => server.rate.down))],
    ["requests so far", whole.format(sum((server) => server.traffic.requests))],
  ];
  showList(element("totals"), cards, {
    key: ([label]) => label,
    make: () => copyOf("card"),
    update(card, [label, value]) {
      setText(card.querySelector("b"), value);
      setText(card.querySelector("span"), label);
    },
  });
}

function showProblems(providers) {
  const problems = providers.flatMap((provider) => provider.problems.map((problem) => {
    const place = [problem.place, problem.key].filter(Boolean).join(": ");
    return { ...problem, text: `${provider.name}: ${place}${place ? ": " : ""}${problem.message}` };
  }));
  showList(element("problems"), problems, {
    key: ({ severity, text }) => `${severity} ${text}`,
    make: () => document.createElement("li"),
    update(item, { severity, text }) {
      item.className = severity;
      setText(item, text);
    },
  });
}

async function refresh() {
  try {
    const [servers, providers, pools] = await Promise.all(["servers", "providers", "scaling"].map((name) => call(`api/${name}`)));
    const now = performance.now();
    measure(servers, now);
    const services = servicesOf(servers, pools);
    showServices(services, now);
    showTotals(servers);
    showProblems(providers);
    element("none").hidden = services.length > 0;
    element("login").hidden = true;
    // Plain links cannot bring a token.
    element("links").hidden = hasToken();
    if (!element("version").textContent) setText(element("version"), (await call("api/version")).Version);
    showLink("live", "live");
  } catch (problem) {
    if (problem.status === 401) element("login").hidden = false;
    if (problem.status === 401) element("links").hidden = true;
    showLink(problem instanceof TypeError ? "no connection" : problem.message, "lost");
  }
}

async function follow() {
  if (!document.hidden) await refresh();
  setTimeout(follow, EVERY_MS);
}
follow();
