// A service's scaling: what is wanted, what there is, why, and the limits, which can be changed.
import { call } from "./api.js";
import { forgetChart, showChart } from "./chart.js";
import { count, setAttribute, setText, showList, whole } from "./view.js";

const DECISIONS = 10;

const sum = (servers, value) => servers.reduce((total, server) => total + value(server), 0);

function factsOf(pool, reserved) {
  const facts = [
    ["Wanted", whole.format(pool.wanted)],
    ["Ready", whole.format(pool.ready)],
    ["Starting", whole.format(pool.starting)],
    ["Draining", whole.format(pool.draining)],
  ];
  if (pool.stopping > 0) facts.push(["Stopping", whole.format(pool.stopping)]);
  if (pool.down > 0) facts.push(["Down", whole.format(pool.down)]);
  facts.push(["In the queue", whole.format(pool.waiting)], ["Seats reserved", whole.format(reserved)],
    ["Arrivals", `${pool.arrivalsPerSecond.toFixed(1)}/s`], ["Start takes", pool.startTime]);
  return facts;
}

function showFacts(list, facts) {
  showList(list, facts, {
    key: ([name]) => name,
    make([name]) {
      const pair = document.createElement("div");
      pair.append(document.createElement("dt"), document.createElement("dd"));
      setText(pair.firstChild, name);
      return pair;
    },
    update: (pair, [, value]) => setText(pair.lastChild, value),
  });
}

function showDecisions(list, decisions) {
  showList(list, decisions.slice(-DECISIONS).reverse(), {
    key: ({ at, why }) => `${at} ${why}`,
    make({ at, acts, why }) {
      const item = document.createElement("li");
      const time = document.createElement("time");
      time.dateTime = at;
      time.textContent = new Date(at).toLocaleTimeString();
      item.append(time, ` ${why}`);
      item.classList.toggle("acts", acts);
      return item;
    },
    update() {},
  });
}

/** Shows limits unless somebody is about to change them. */
function showLimits(form, pool) {
  setText(form.pause, pool.changed.paused ? "Resume" : "Pause");
  setAttribute(form.pause, "data-paused", pool.changed.paused);
  form.reset.hidden = pool.changed.min === null && pool.changed.max === null;
  if (form.panel.dataset.touched) return;
  for (const [input, value] of [[form.min, pool.min], [form.max, pool.max]]) {
    if (input.value !== String(value)) input.value = value;
  }
}

function listen(panel, service, form, refresh) {
  const change = async (query) => {
    setText(form.problem, "");
    try {
      await call(`api/scaling/${encodeURIComponent(service)}?${query}`, "POST");
      delete form.panel.dataset.touched;
      await refresh();
    } catch (problem) {
      setText(form.problem, problem.message);
    }
  };
  form.panel.addEventListener("input", () => { form.panel.dataset.touched = "yes"; });
  form.panel.addEventListener("submit", (event) => {
    event.preventDefault();
    change(new URLSearchParams({ min: form.min.value, max: form.max.value }));
  });
  form.reset.addEventListener("click", () => change("min=default&max=default"));
  form.pause.addEventListener("click", () => change(`paused=${form.pause.dataset.paused !== "true"}`));
}

/** The part of a service's section that shows its scaling; `refresh` is called after a change. */
export function scalingPanel(section, service, refresh) {
  const panel = section.querySelector(".scaling");
  const part = (selector) => panel.querySelector(selector);
  const form = {
    panel: part("form"), min: part("[name=min]"), max: part("[name=max]"), reset: part(".reset"), pause: part(".pause"),
    problem: part(".refusal"),
  };
  listen(panel, service, form, refresh);
  return {
    show(pool, now) {
      panel.hidden = !pool;
      if (!pool) return;
      const users = sum(pool.servers, (server) => server.connections);
      const seats = pool.capacity * (pool.ready + pool.draining);
      showFacts(part(".facts"), factsOf(pool, sum(pool.servers, (server) => server.reserved)));
      setText(part(".people"), `${count(users, "user")} on ${count(seats, "seat")}`);
      const meter = part(".people-meter");
      meter.max = Math.max(seats, 1);
      meter.value = users;
      setAttribute(meter, "aria-label", `${users} of ${seats} seats taken`);
      setText(part(".why"), pool.changed.paused ? `Paused. Last: ${pool.why}` : pool.why);
      setText(part(".trouble"), pool.trouble);
      part(".trouble").hidden = pool.trouble === "";
      showDecisions(part(".decisions"), pool.decisions);
      showLimits(form, pool);
      showChart(part("svg"), service, now, users, seats);
    },
    forget: () => forgetChart(service),
  };
}
