"use strict";
// Reads /status?format=json (docs/user/api.md) every two seconds and shows it. Everything becomes text nodes: names in
// a configuration are never read as markup.
(() => {
  const kPeriod = 2000; // ms
  const kPoints = 120;
  const kHosts = 200; // shown at once

  const at = (id) => document.getElementById(id);
  const key = new URLSearchParams(location.search).get("key");
  if (key !== null) history.replaceState(null, "", location.pathname); // not for the history, nor for a look over the shoulder

  let before = null; // the status of the last look
  let paused = false;
  let drawn = ""; // what the tree shows: its figures change without it being made anew
  const series = { rate: [], errors: [], mean: [], slow: [] };

  function element(name, text, className) {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  }
  const number = (n) => n.toLocaleString("en", { maximumFractionDigits: n < 10 ? 2 : n < 100 ? 1 : 0 });
  function time(seconds) {
    if (seconds < 0.0009995) return number(seconds * 1e6) + " µs";
    return seconds < 0.9995 ? number(seconds * 1000) + " ms" : number(seconds) + " s";
  }
  function age(seconds) {
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= 2 * size) return Math.floor(seconds / size) + " " + unit;
    }
    return Math.max(0, Math.floor(seconds)) + " s";
  }
  const date = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

  function facts(id, list) {
    at(id).replaceChildren(...list.map(([name, value, className]) => {
      const row = element("div");
      row.append(element("dt", name), element("dd", value, className));
      return row;
    }));
  }
  function row(cells) {
    const tr = element("tr");
    cells.forEach(([text, className], i) => {
      const cell = element(i ? "td" : "th", text, className);
      if (!i) cell.scope = "row";
      tr.append(cell);
    });
    return tr;
  }

  // Plots.
  function plot(id, lines, show, what) {
    const svg = at(id);
    const most = Math.max(...lines.flat(), 1e-9);
    for (const [i, line] of lines.entries()) {
      const shape = svg.querySelectorAll("polyline")[i] ||
        svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
      const step = 240 / (kPoints - 1);
      shape.setAttribute("points", line.map((v, n) =>
        `${((kPoints - line.length + n) * step).toFixed(1)},${(58 - 56 * v / most).toFixed(1)}`).join(" "));
    }
    const now = lines.map((line) => show(line.length ? line[line.length - 1] : 0)).join(" / ");
    at(id + "-now").textContent = now;
    at(id + "-text").textContent = `${what}: now ${now}, most ${show(lines.flat().length ? most : 0)}`;
  }
  function push(name, value) {
    series[name].push(value);
    if (series[name].length > kPoints) series[name].shift();
  }
  // The bound below which `part` of the requests since the last look stayed.
  function quantile(latency, old, part) {
    const counts = latency.counts.map((n, i) => n - old.counts[i]);
    const all = counts.reduce((a, b) => a + b, 0);
    let sum = 0;
    for (let i = 0; i < counts.length; ++i) {
      sum += counts[i];
      if (all && sum >= all * part) return latency.bounds_seconds[Math.min(i, latency.bounds_seconds.length - 1)];
    }
    return 0;
  }
  function traffic(now) {
    if (before) {
      const seconds = Math.max(now.time - before.time, 0.001);
      const requests = now.requests.total - before.requests.total;
      const latency = now.requests.latency, old = before.requests.latency;
      push("rate", requests / seconds);
      push("errors", (now.requests.errors - before.requests.errors) / seconds);
      push("mean", requests > 0 ? (latency.sum_seconds - old.sum_seconds) / requests : 0);
      push("slow", quantile(latency, old, 0.99));
    }
    plot("rate", [series.rate], number, "Requests per second");
    plot("latency", [series.mean, series.slow], time, "Latency, mean and 99 percent");
    plot("errors", [series.errors], number, "Errors per second");
    facts("counts", [
      ["requests", number(now.requests.total)], ["under way", number(now.requests.active)],
      ["errors", number(now.requests.errors), now.requests.errors ? "bad" : ""],
      ["further attempts", number(now.requests.retries)],
      ["client connections", number(now.connections.clients.open)],
      ["server connections", number(now.connections.upstreams.open)],
      ["tunnels", number(now.connections.tunnels.open)],
      ["TLS handshakes", number(now.tls.handshakes)], ["resumed", number(now.tls.resumed)],
      ["failed", number(now.tls.failed)],
      ["log records lost", number(now.dropped.server_log_records + now.dropped.access_log_records), now.dropped.server_log_records + now.dropped.access_log_records ? "warn" : ""],
    ]);
  }

  function configuration(now) {
    const c = now.configuration, last = c.last_reload;
    const silent = now.services.filter((s) => s.trouble);
    const unissued = now.acme.names.filter((n) => n.trouble);
    facts("config", [
      ["provider", c.provider], ["generation", String(c.generation)], ["from", c.origin], ["for", age(c.age_seconds)],
      ["last attempt", `${last.result} (${last.origin}), ${age(last.age_seconds)} ago`, last.result === "refused" ? "bad" : ""],
      ["applied", number(c.reloads.applied)], ["refused", number(c.reloads.refused)],
      ...(now.services.length ? [["services", String(now.services.length)],
        ["without answer", String(silent.length), silent.length ? "bad" : ""]] : []),
      ...(now.acme.names.length ? [["certificates ordered", String(now.acme.names.length)],
        ["orders that fail", String(unissued.length), unissued.length ? "bad" : ""]] : []),
    ]);
    const messages = [...last.messages, ...silent.map((s) => `${s.name}: ${s.trouble}`),
      ...(now.acme.trouble ? [now.acme.trouble] : []),
      ...unissued.map((n) => `${n.name}: no certificate: ${n.trouble}`)];
    at("messages").replaceChildren(...messages.map((text) => element("li", text)));
    at("messages").hidden = !messages.length;
  }

  // The tree.
  const tone = { up: "good", down: "bad", left_out: "bad", unknown: "soft", unchecked: "soft" };
  const shown = { left_out: "left out", unchecked: "not checked" };
  function matching(now) {
    const wanted = at("filter").value.trim().toLowerCase();
    const out = [];
    for (const host of now.hosts) {
      const routes = host.host.toLowerCase().includes(wanted) ? host.routes
        : host.routes.filter((r) => (host.host + r.path).toLowerCase().includes(wanted));
      if (routes.length || !wanted) out.push({ host: host.host, routes });
    }
    return out;
  }
  const kColumns = [["Route and servers"], ["Health"], ["Protocol"], ["Requests", "number"], ["Errors", "number"], ["Latency", "number"], ["Source, last error"]];
  function hostTable(host) {
    const details = element("details");
    details.open = true;
    const wide = element("div", undefined, "wide");
    const table = element("table");
    const head = element("tr");
    for (const [title, className] of kColumns) {
      const th = element("th", title, className);
      th.scope = "col";
      head.append(th);
    }
    const thead = element("thead");
    thead.append(head);
    table.append(element("caption", "Routes of " + host.host, "visually-hidden"), thead);
    wide.tabIndex = 0;
    wide.setAttribute("role", "group");
    wide.setAttribute("aria-label", "Routes of " + host.host);
    wide.append(table);
    details.append(element("summary"), wide);
    for (const route of host.routes) {
      const body = element("tbody");
      for (let i = 0; i <= route.endpoints.length; ++i) body.append(row(kColumns.map(() => [""])));
      body.firstChild.firstChild.scope = "rowgroup";
      table.append(body);
    }
    return details;
  }
  function fill(tr, cells) {
    cells.forEach(([text, className], i) => {
      const cell = tr.children[i];
      if (cell.textContent !== text) cell.textContent = text;
      cell.className = className || "";
    });
  }
  function fillHost(details, host) {
    const down = host.routes.flatMap((r) => r.endpoints).filter((e) => e.health === "down" || e.health === "left_out").length;
    const text = `${host.host} — ${host.routes.length} ${host.routes.length === 1 ? "route" : "routes"}` +
      (down ? `, ${down} ${down === 1 ? "server" : "servers"} down` : "");
    const summary = details.firstChild;
    if (summary.textContent !== text) summary.textContent = text;
    summary.className = down ? "bad" : "";
    host.routes.forEach((route, i) => {
      const rows = details.querySelectorAll("tbody")[i].children;
      fill(rows[0], [[route.path], [""], [""], [number(route.requests), "number"], [number(route.errors), "number"],
        [route.requests ? time(route.latency_seconds / route.requests) : "", "number"], [route.source, "soft"]]);
      route.endpoints.forEach((e, n) => {
        rows[n + 1].className = "endpoint";
        fill(rows[n + 1], [[e.address], [shown[e.health] || e.health, tone[e.health]],
          [e.protocol || "", ""], [number(e.requests), "number"], [number(e.failures), "number"],
          [e.connects ? time(e.connect_seconds / e.connects) + " to connect" : "", "number"], [e.last_error || ""]]);
      });
    });
  }
  function tree(now) {
    const all = matching(now);
    const hosts = all.slice(0, kHosts);
    const shape = JSON.stringify(hosts.map((h) => [h.host, h.routes.map((r) => [r.path, r.endpoints.map((e) => e.address)])]));
    if (shape !== drawn) {
      drawn = shape;
      at("hosts").replaceChildren(...hosts.map(hostTable));
    }
    hosts.forEach((host, i) => fillHost(at("hosts").children[i], host));
    at("more").hidden = all.length <= hosts.length && all.length > 0;
    at("more").textContent = all.length ? `${all.length - hosts.length} more hosts match.` : "No host matches.";
  }

  function tables(now) {
    const seconds = before ? Math.max(now.time - before.time, 0.001) : 1;
    at("reasons").replaceChildren(...Object.entries(now.local_replies).sort((a, b) => b[1] - a[1]).map(([name, n]) =>
      row([[name], [number(n), "number"], [number(before ? (n - (before.local_replies[name] || 0)) / seconds : 0), "number"]])));
    at("certificates").replaceChildren(...now.certificates.map((c) => row([[c.name], [c.names.join(", ")], [date(c.not_after)],
      [String(c.days_left), "number " + (c.days_left < 7 ? "bad" : c.days_left < 21 ? "warn" : "good")]])));
  }

  // What is worth saying aloud.
  function news(now) {
    const said = [];
    if (now.configuration.generation !== before.configuration.generation)
      said.push(`Configuration ${now.configuration.generation} applied.`);
    if (now.configuration.reloads.refused > before.configuration.reloads.refused) said.push("A configuration was refused.");
    const health = (status) => new Map(status.hosts.flatMap((h) => h.routes.flatMap((r) => r.endpoints.map((e) => [e.address, e.health]))));
    const old = health(before);
    for (const [address, state] of health(now)) {
      if (old.has(address) && old.get(address) !== state && state !== "unknown") said.push(`${address} is ${shown[state] || state}.`);
    }
    if (said.length) at("news").textContent = said.slice(0, 5).join(" ");
  }

  function show(now) {
    if (before && now.pid !== before.pid) before = null; // another process: its counters began anew
    at("version").textContent = now.version;
    document.title = "aralez " + now.version;
    at("summary").textContent = `up ${age(now.uptime_seconds)}, ${now.workers} ${now.workers === 1 ? "worker" : "workers"}, process ${now.pid}`;
    traffic(now);
    configuration(now);
    tree(now);
    tables(now);
    if (before) news(now);
    before = now;
  }
  function state(text, className) {
    at("state").textContent = text;
    at("state").className = "badge " + className;
  }
  async function look() {
    try {
      const answer = await fetch("/status?format=json", { headers: key === null ? {} : { "x-api-key": key }, cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status === 403 ? "access denied" : "status " + answer.status);
      show(await answer.json());
      state("live", "good");
    } catch (error) {
      state(error.message === "access denied" ? error.message : "no answer", "bad");
    }
  }
  async function run() {
    for (;;) {
      if (!paused && !document.hidden) await look();
      await new Promise((done) => setTimeout(done, kPeriod));
    }
  }
  at("pause").addEventListener("click", () => {
    paused = !paused;
    at("pause").setAttribute("aria-pressed", String(paused));
    if (paused) state("paused", "warn");
    else look();
  });
  at("filter").addEventListener("input", () => before && tree(before));
  run();
})();
