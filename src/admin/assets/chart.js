// Users and seats as two lines, over the time that the page has seen.
const [SHORTEST_MS, LONGEST_MS] = [30_000, 300_000];
const [WIDTH, HEIGHT] = [600, 80];
const points = new Map(); // by service: what was seen

export function showChart(svg, service, now, users, seats) {
  const seen = points.get(service) ?? [];
  points.set(service, seen);
  seen.push({ now, users, seats });
  while (seen[0].now < now - LONGEST_MS) seen.shift();
  const span = Math.max(SHORTEST_MS, now - seen[0].now);
  const most = Math.max(1, ...seen.map((point) => Math.max(point.users, point.seats))) * 1.05;
  const at = (time, value) => `${(WIDTH * (1 - (now - time) / span)).toFixed(1)},${(HEIGHT * (1 - value / most)).toFixed(1)}`;
  const line = (name) => seen.map((point) => at(point.now, point[name])).join(" ");
  svg.querySelector(".users").setAttribute("points", `${at(seen[0].now, 0)} ${line("users")} ${at(now, 0)}`);
  // A server comes at a moment: its seats are a step.
  const steps = seen.flatMap((point, i) => [...(i > 0 ? [at(point.now, seen[i - 1].seats)] : []), at(point.now, point.seats)]);
  svg.querySelector(".seats").setAttribute("points", steps.join(" "));
}

export const forgetChart = (service) => points.delete(service);
