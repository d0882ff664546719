/** Which of Home Assistant's entities belong to the studio panel. */

import { PLATFORM, type EntityEntry, type Hass } from "./hass.ts";

export interface Studio {
  id: string;
  name: string;
  model: string;
  /** Switches of outputs: what the studio sends or writes. */
  outputs: string[];
  /** Where each output is in its life, by the output's switch. */
  states: Map<string, string>;
  /** Sensors and binary sensors of the studio's health. */
  health: string[];
  /** The picture of the program. */
  program: string | null;
  /** What is on air, in words. */
  scene: string | null;
}

const MODELS = new Set(["OBS Studio", "vMix"]);
const OUTPUT =
  /^(stream|record|virtual_camera|replay_buffer|external|multicorder|srt|fullscreen|other|output)(_\d+)?$/;
const SCENE = /^(program|scene|program_scene|program_input)$/;
const HEALTH_DOMAINS = new Set(["sensor", "binary_sensor"]);
const MAX_HEALTH = 8;

function domainOf(entityId: string): string {
  return entityId.slice(0, entityId.indexOf("."));
}

/** Puts what tells most about a stream first; the order of a table beats the order of a registry. */
const HEALTH_ORDER = [
  "connectivity", "problem", "stream_health", "health", "bitrate", "congestion", "skipped",
  "dropped", "fps", "cpu", "frame", "disk", "duration",
];

function healthRank(key: string): number {
  const found = HEALTH_ORDER.findIndex((word) => key.includes(word));
  return found < 0 ? HEALTH_ORDER.length : found;
}

/** Tells whether a device is a studio of this integration. */
export function isStudio(hass: Hass, deviceId: string | undefined): boolean {
  const model = deviceId === undefined ? null : hass.devices[deviceId]?.model;
  return model !== null && model !== undefined && MODELS.has(model);
}

/** The studios with what exists of each, by name; *only* limits them to these devices. */
export function findStudios(hass: Hass, only?: readonly string[]): Studio[] {
  const byDevice = new Map<string, EntityEntry[]>();
  for (const entry of Object.values(hass.entities)) {
    if (entry.platform !== PLATFORM || entry.hidden || !entry.device_id) continue;
    if (only?.length && !only.includes(entry.device_id)) continue;
    if (!isStudio(hass, entry.device_id)) continue;
    const entries = byDevice.get(entry.device_id);
    if (entries) entries.push(entry);
    else byDevice.set(entry.device_id, [entry]);
  }
  return [...byDevice]
    .map(([id, entries]) => studioOf(hass, id, entries))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function studioOf(hass: Hass, id: string, entries: EntityEntry[]): Studio {
  const device = hass.devices[id];
  const of = (domain: string): EntityEntry[] =>
    entries.filter((entry) => domainOf(entry.entity_id) === domain);
  const key = (entry: EntityEntry): string => entry.translation_key ?? "";
  const outputs = of("switch").filter((entry) => OUTPUT.test(key(entry)));
  const sensors = of("sensor");
  const states = new Map<string, string>();
  for (const output of outputs) {
    const object = output.entity_id.slice("switch.".length);
    const state = sensors.find(
      (sensor) =>
        key(sensor) === `${key(output)}_state` &&
        (outputs.filter((other) => key(other) === key(output)).length === 1 ||
          sensor.entity_id.slice("sensor.".length).startsWith(object)),
    );
    if (state) states.set(output.entity_id, state.entity_id);
  }
  const shown = new Set(states.values());
  const images = of("image");
  const scene = [...of("select"), ...sensors].find((entry) => SCENE.test(key(entry)));
  return {
    id,
    name: device?.name_by_user ?? device?.name ?? "",
    model: device?.model ?? "",
    outputs: outputs.map((entry) => entry.entity_id),
    states,
    health: entries
      .filter(
        (entry) =>
          HEALTH_DOMAINS.has(domainOf(entry.entity_id)) &&
          !shown.has(entry.entity_id) &&
          entry !== scene &&
          hass.states[entry.entity_id] !== undefined,
      )
      .sort((a, b) => healthRank(key(a)) - healthRank(key(b)))
      .slice(0, MAX_HEALTH)
      .map((entry) => entry.entity_id),
    program: (images.find((entry) => key(entry).includes("program")) ?? images[0])?.entity_id ?? null,
    scene: scene?.entity_id ?? null,
  };
}

/** A switching that was asked for and not yet seen to have happened. */
export interface Pending {
  wanted: "on" | "off";
  since: number;
}

/** Seconds after which a switching that shows no effect is called late. */
export const PATIENCE = 20;

export type Progress = "done" | "waiting" | "late";

/** What became of a switching, judged by the real state only. */
export function progressOf(pending: Pending, state: string | undefined, now: number): Progress {
  if (state === pending.wanted) return "done";
  return now - pending.since > PATIENCE * 1000 ? "late" : "waiting";
}
