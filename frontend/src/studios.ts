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

/** What the models of studios are; that of a vMix also names its edition, such as "vMix 4K". */
const MODEL = /^(OBS Studio|vMix)( |$)/;
/** Translation keys of the switches of outputs; the sensor of one is called `<key>_state`. */
const OUTPUTS = new Set([
  "stream", "stream_number", "record", "virtual_camera", "replay_buffer", "external", "multicorder",
  "srt", "fullscreen", "other_output",
]);
const PROGRAM = "program";
/** What tells most about a stream comes first; what is not here is no health. */
const HEALTH: readonly RegExp[] = [
  /^connectivity$/,
  /^stream_problem$/,
  /^stream_health$/,
  /^(stream|stream_number)_bitrate$/,
  /^(stream|stream_number)_skipped_percent$/,
  /^(stream|stream_number)_congestion$/,
  /^(stream|stream_number|record)_duration$/,
  /^fps$/,
  /^cpu$/,
  /^frame_time$/,
  /^free_disk$/,
];
const MAX_HEALTH = 9;
const NOTHING = new Set(["unknown", "unavailable"]);

function domainOf(entityId: string): string {
  return entityId.slice(0, entityId.indexOf("."));
}

/** Tells whether a device is a studio of this integration. */
export function isStudio(hass: Hass, deviceId: string | undefined): boolean {
  const model = deviceId === undefined ? null : hass.devices[deviceId]?.model;
  return model !== null && model !== undefined && MODEL.test(model);
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
  const key = (entry: EntityEntry): string =>
    entry.translation_key ?? hass.states[entry.entity_id]?.attributes.device_class ?? "";
  const outputs = of("switch").filter((entry) => OUTPUTS.has(key(entry)));
  const sensors = of("sensor");
  const states = new Map<string, string>();
  for (const output of outputs) {
    const alone = outputs.filter((other) => key(other) === key(output)).length === 1;
    const named = `sensor.${output.entity_id.slice("switch.".length)}_`;
    const state = sensors.find(
      (sensor) => key(sensor) === `${key(output)}_state` && (alone || sensor.entity_id.startsWith(named)),
    );
    if (state) states.set(output.entity_id, state.entity_id);
  }
  const health = [...of("binary_sensor"), ...sensors]
    .map((entry) => ({ entry, rank: HEALTH.findIndex((pattern) => pattern.test(key(entry))) }))
    .filter(({ entry, rank }) => {
      const state = hass.states[entry.entity_id]?.state;
      return rank >= 0 && state !== undefined && !NOTHING.has(state);
    })
    .sort((a, b) => a.rank - b.rank);
  const withKey = (domain: string): string | null =>
    of(domain).find((entry) => key(entry) === PROGRAM)?.entity_id ?? null;
  return {
    id,
    name: device?.name_by_user ?? device?.name ?? "",
    model: device?.model ?? "",
    outputs: outputs.map((entry) => entry.entity_id),
    states,
    health: health.slice(0, MAX_HEALTH).map(({ entry }) => entry.entity_id),
    program: withKey("image"),
    scene: withKey("select"),
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
