"use strict";

// Whatever comes from the mesh enters the page in `say`, as text: here is no other place that puts a string
// of the status anywhere, but for a class that is looked up in a list of this file.

const EVERY_MS = 1500; // how long after an answer the next question is asked
const PATIENCE_MS = 4000; // how long an answer may take
const FEW = { members: 30, events: 10, certificates: 5 }; // lines that are shown before all are asked for

// The states of a member: its word, and how early it is listed.
const STATES = {
  failed: ["failed", 0],
  quarantined: ["in quarantine", 1],
  silent: ["silent", 2],
  unproven: ["unproven", 3],
  this_node: ["this node", 5],
  heard: ["heard", 6],
};
const known = (state) => (Object.hasOwn(STATES, state) ? state : "unproven");

const LOW = 0.8; // a member with less reputation is listed before those that are well
const LOW_RANK = 4;

// Signs that cannot be seen or that change how others are seen: control, format, unassigned and private
// ones, those that a font may leave out, blanks that are no space; and a third mark on one letter.
const HIDDEN =
  /([\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|(?<=\p{M}{2})\p{M})\1*/gu;

const at = (id) => document.getElementById(id);

const make = (tag, kind) => {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  return element;
};

const said = new WeakMap();

/** Makes `text` all that `element` says. What cannot be seen in it is named. */
const say = (element, text) => {
  text = String(text ?? "");
  if (said.get(element) === text) return;
  said.set(element, text);
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    parts.push(text.slice(from, found.index), sign(found[0]));
    from = found.index + found[0].length;
  }
  element.replaceChildren(...parts, text.slice(from));
};

/** What stands for `hidden`: the number of the sign, and how often it is there. */
const sign = (hidden) => {
  const signs = Array.from(hidden);
  const number = signs[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  const chip = make("span", "hidden-sign");
  chip.textContent = `U+${number}${signs.length > 1 ? ` ×${signs.length}` : ""}`;
  return chip;
};

/** Says `word`, in the looks of `kind`, which is one of this file's. */
const show = (element, kind, word) => {
  if (element.dataset.kind !== kind) {
    element.dataset.kind = kind;
    element.className = `state ${kind}`;
  }
  say(element, word);
};

const span = (ms) => {
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
};

const count = (number) => Number(number).toLocaleString("en");

const clock = (ms) => {
  const when = new Date(ms);
  const time = when.toLocaleTimeString("en-GB");
  if (when.toDateString() === new Date().toDateString()) return time;
  return `${when.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time.slice(0, 5)}`;
};

const fills = new WeakMap(); // how each line of a list is filled

/** Gives `list` as many children as there are `lines`, made by `begin`, which returns how to fill one. */
const fill = (list, lines, begin) => {
  while (list.childElementCount > lines.length) list.lastElementChild.remove();
  while (list.childElementCount < lines.length) {
    const child = make(list.tagName === "TBODY" ? "tr" : "li");
    if (child.tagName === "TR") child.setAttribute("role", "row");
    fills.set(child, begin(child));
    list.append(child);
  }
  let child = list.firstElementChild;
  for (const line of lines) {
    fills.get(child)(line);
    child = child.nextElementSibling;
  }
};

const whole = new Set(); // the sections that are shown with all their lines

/** Fills the section `id`: a count beside its heading, the first lines or all, a sentence for none. */
const section = (id, lines, begin) => {
  const list = at(id);
  const few = FEW[id] ?? Infinity;
  list.hidden = lines.length === 0;
  at(`${id}-none`).hidden = lines.length > 0;
  say(at(`${id}-count`), lines.length ? count(lines.length) : "");
  fill(list.tBodies?.[0] ?? list, whole.has(id) ? lines : lines.slice(0, few), begin);
  const more = at(`${id}-more`);
  if (!more) return;
  more.hidden = lines.length <= few;
  more.setAttribute("aria-expanded", whole.has(id));
  say(more, whole.has(id) ? `Show ${few} only` : `Show all ${count(lines.length)}`);
};

/** A cell of `row`, named `label` where there is no room for columns. */
const cell = (row, label, kind) => {
  const cell = make("td", kind);
  cell.setAttribute("role", "cell");
  if (label) cell.dataset.label = label;
  row.append(cell);
  return cell;
};

const inside = (parent, tag, kind) => parent.appendChild(make(tag, kind));

/** A number with a bar of `part`, 0 to 1. */
const gauge = (parent) => {
  const number = inside(parent, "span");
  const bar = inside(parent, "span", "bar");
  bar.setAttribute("aria-hidden", "true");
  const length = inside(bar, "span");
  return (text, part, low) => {
    say(number, text);
    bar.hidden = part === null;
    bar.classList.toggle("low", low);
    const size = `${Math.round(100 * Math.min(1, Math.max(0, part ?? 0)))}%`;
    if (length.style.inlineSize !== size) length.style.inlineSize = size;
  };
};

const memberRow = (row) => {
  const first = cell(row);
  const name = inside(first, "bdi", "name");
  const id = inside(inside(first, "span", "less"), "code");
  const second = cell(row);
  const state = inside(second, "span", "state");
  const rest = inside(second, "span", "less");
  const reputation = gauge(cell(row, "Reputation"));
  const heardCell = cell(row, "Heard");
  const heard = inside(heardCell, "span");
  const keyCell = cell(row, "Key");
  const epoch = inside(keyCell, "span");
  const suite = inside(keyCell, "span", "less");
  const beaconCell = cell(row, null, "full");
  const beacon = inside(beaconCell, "bdi", "beacon");
  return (member) => {
    say(name, member.name);
    say(id, member.id.slice(0, 12));
    const kind = known(member.state);
    show(state, kind, STATES[kind][0]);
    say(rest, member.quarantine_ms === null ? "" : `${span(member.quarantine_ms)} more`);
    reputation(member.reputation.toFixed(3), member.reputation, member.reputation < LOW);
    const never = member.state === "this_node" ? "" : "never";
    say(heard, member.heard_ms === null ? never : `${span(member.heard_ms)} ago`);
    heardCell.classList.toggle("void", member.state === "this_node");
    say(epoch, member.epoch);
    say(suite, member.suite);
    say(beacon, member.beacon);
    beaconCell.classList.toggle("void", !member.beacon);
  };
};

const rank = (member) => {
  const early = STATES[known(member.state)][1];
  return member.reputation < LOW ? Math.min(early, LOW_RANK) : early;
};
const order = new Intl.Collator("en", { numeric: true });

/** The members, those first with whom something is the matter, and how many there are of each state. */
const members = (lines) => {
  const sorted = lines.slice().sort((a, b) => rank(a) - rank(b) || order.compare(a.name, b.name));
  section("members", sorted, memberRow);
  const states = Object.keys(STATES)
    .map((kind) => [kind, lines.filter((line) => line.state === kind).length])
    .filter(([, number]) => number > 0);
  fill(at("states"), states, (item) => {
    const state = inside(item, "span", "state");
    return ([kind, number]) => show(state, kind, `${count(number)} ${STATES[kind][0]}`);
  });
  at("share").replaceChildren(
    ...states.map(([kind, number]) => {
      const part = make("span", `state ${kind}`);
      part.style.flexGrow = number;
      return part;
    }),
  );
};

const linkRow = (row) => {
  const first = cell(row);
  const name = inside(first, "bdi", "name");
  const address = inside(inside(first, "span", "less"), "code");
  const second = cell(row);
  const state = inside(second, "span", "state");
  const rest = inside(second, "span", "less");
  const quality = gauge(cell(row, "Quality"));
  return (link) => {
    say(name, link.name);
    say(address, link.address);
    const held = link.quarantine_ms !== null;
    if (held) show(state, "quarantined", "in quarantine");
    else show(state, link.proven ? "yes" : "open", link.proven ? "proven" : "claimed");
    say(rest, held ? `${span(link.quarantine_ms)} more` : "");
    if (link.quality === null) quality("unknown", null, false);
    else quality(`${link.quality} %`, link.quality / 100, link.quality < 50);
  };
};

const ruleRow = (row) => {
  const rule = inside(cell(row), "bdi", "name");
  const stage = inside(cell(row), "span");
  const refused = inside(cell(row, "Refused"), "span");
  const would = inside(cell(row, "Would refuse"), "span");
  return (line) => {
    say(rule, line.rule);
    say(stage, line.stage);
    say(refused, count(line.refused));
    say(would, count(line.would_refuse));
  };
};

/** A line of a log: `head` and `text` of what happened. */
const logLine = (head, text) => (item) => {
  const time = inside(item, "time");
  const first = inside(item, "b");
  const second = inside(item, "bdi", "text");
  return (line) => {
    time.dateTime = new Date(line.unix_ms).toISOString();
    say(time, clock(line.unix_ms));
    say(first, head(line));
    say(second, text(line));
  };
};
const eventLine = logLine(
  (line) => line.name.replaceAll("_", " "),
  (line) => line.text,
);
const certificateLine = logLine(
  (line) => line.event,
  (line) => `${count(line.attestors)} attested, view ${line.view}`,
);

const countLine = (item) => {
  const what = inside(item, "span");
  const number = inside(item, "b");
  return ([name, value]) => {
    say(what, name);
    say(number, count(value));
  };
};

const counts = (stats) => {
  const refused = Object.entries(stats.refused);
  const lines = [
    ["Messages delivered", stats.delivered],
    ["Other packets taken", stats.statements_taken],
    ["Signatures checked", stats.signature_checks],
    ...refused.map(([why, number]) => [`Refused: ${why.replaceAll("_", " ")}`, number]),
  ];
  fill(at("counts"), lines, countLine);
};

const matters = (status) => {
  const number = status.alerts.length;
  say(at("matter-title"), number === 0 ? "No alerts" : number === 1 ? "1 alert" : `${number} alerts`);
  const heard = status.members.every(({ state }) => state === "heard" || state === "this_node");
  at("matter").className = number ? "ill" : heard && status.signing ? "well" : "";
  fill(at("alerts"), status.alerts, (item) => {
    const text = inside(item, "bdi");
    return (alert) => say(text, alert);
  });
};

const render = (status) => {
  say(at("node"), status.node);
  document.title = `${status.alerts.length ? `(${status.alerts.length}) ` : ""}${at("node").textContent} · meshward`;
  show(at("signing"), status.signing ? "yes" : "no", status.signing ? "signs" : "signs nothing");
  say(at("mesh"), status.mesh.slice(0, 12));
  say(at("view"), status.view);
  say(at("quorum"), `${status.quorum} of ${status.members.length}`);
  say(at("uptime"), span(1000 * status.uptime_s));
  say(at("version"), status.version);
  matters(status);
  members(status.members);
  section("links", status.links, linkRow);
  section("rollout", status.rollout, ruleRow);
  section("events", status.events, eventLine);
  section("certificates", status.certificates, certificateLine);
  counts(status.stats);
};

let last = null; // the last answer
let when = null; // when it came

const stale = (is) => {
  document.body.classList.toggle("stale", is);
  // Once for each silence, so that it is read out once.
  if (!is) say(at("stale"), "");
  else if (when === null) say(at("stale"), "The node does not answer.");
  else say(at("stale"), `The node has not answered since ${clock(when)}. What is shown is from then.`);
};

const ask = async () => {
  try {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch("/status", { cache: "no-store", signal: limit });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    last = await answer.json();
    render(last);
    when = Date.now();
    say(at("answered"), `Answered at ${clock(when)}.`);
    stale(false);
  } catch (error) {
    console.warn(error);
    stale(true);
  }
};

let asking = false;
let next = null;
/** Asks, and asks again later; a page that nobody looks at asks nothing. */
const round = async () => {
  if (asking) return;
  asking = true;
  clearTimeout(next);
  if (!document.hidden) await ask();
  asking = false;
  next = setTimeout(round, EVERY_MS);
};

for (const id of Object.keys(FEW)) {
  at(`${id}-more`).addEventListener("click", () => {
    if (!whole.delete(id)) whole.add(id);
    if (last) render(last);
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) round();
});
round();
