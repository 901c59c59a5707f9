// The servers of a service, a row each.
import { call } from "./api.js";
import { copyOf, setAttribute, setText, showList, whole } from "./view.js";

const seen = new Map(); // by server id: the last traffic

function rateOf(server, now) {
  const last = seen.get(server.id);
  seen.set(server.id, { traffic: server.traffic, now });
  if (!last || now <= last.now) return { up: 0, down: 0 };
  const rate = (name) => Math.max(0, server.traffic[name] - last.traffic[name]) * 1000 / (now - last.now);
  return { up: rate("messagesToServer"), down: rate("messagesToClient") };
}

function makeRow(server, { refresh, complain }) {
  const row = copyOf("row");
  const drain = row.querySelector(".drain");
  drain.addEventListener("click", async () => {
    try {
      await call(`api/servers/${server.id}/${drain.dataset.action}`, "POST");
      await refresh();
    } catch (problem) {
      complain(problem.message);
    }
  });
  const cookie = row.querySelector(".cookie");
  cookie.addEventListener("click", () => navigator.clipboard?.writeText(cookie.textContent));
  return row;
}

function showRow(row, server) {
  const part = (selector) => row.querySelector(selector);
  setText(part(".name"), server.name ?? "");
  setText(part(".url"), server.url);
  setText(part(".status"), server.status);
  setAttribute(part(".status"), "class", `status ${server.status}`);
  setAttribute(part(".status"), "title",
    `health ${server.health}, admin ${server.admin}${server.fenced ? ", fenced by discovery" : ""}`);
  setText(part(".connections"), server.capacity === null ? whole.format(server.connections)
    : `${whole.format(server.connections)} / ${whole.format(server.capacity)}`);
  const meter = part("meter");
  meter.hidden = server.capacity === null;
  if (server.capacity !== null) {
    meter.max = server.capacity;
    meter.high = server.capacity * 0.9;
    meter.value = server.connections;
  }
  setText(part(".tunnels"), whole.format(server.tunnels));
  setText(part(".up-rate"), whole.format(server.rate.up));
  setText(part(".down-rate"), whole.format(server.rate.down));
  setText(part(".failures"), whole.format(server.traffic.failures));
  setText(part(".cookie"), server.cookieValue);
  setAttribute(part(".cookie"), "aria-label", `Copy cookie value ${server.cookieValue}`);
  const drains = server.admin !== "ready";
  setText(part(".drain"), drains ? "Undrain" : "Drain");
  setAttribute(part(".drain"), "data-action", drains ? "undrain" : "drain");
  setAttribute(part(".drain"), "aria-label", `${drains ? "Undrain" : "Drain"} ${server.name ?? server.url}`);
}

/** Adds to each server its message rates since the last call. */
export function measure(servers, now) {
  const ids = new Set(servers.map((server) => server.id));
  for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
  for (const server of servers) server.rate = rateOf(server, now);
}

export function showServers(body, servers, actions) {
  showList(body, servers, { key: (server) => server.id, make: (server) => makeRow(server, actions), update: showRow });
}
