import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig, suggest } from "../src/config.ts";
import type { DeviceEntry, EntityEntry, Hass } from "../src/hass.ts";
import { isInvitation, qrPath } from "../src/invite.ts";
import { buildView } from "../src/strategy.ts";
import { modelBeside, shortName } from "../src/studio-panel.ts";
import { findStudios, PATIENCE, progressOf } from "../src/studios.ts";

function aHass(devices: Record<string, string>, entities: [string, string, string?, string?][]): Hass {
  return {
    devices: Object.fromEntries(
      Object.entries(devices).map(([id, model]): [string, DeviceEntry] => [
        id, { id, name: `The ${id}`, model, primary_config_entry: `entry-${id}` },
      ]),
    ),
    entities: Object.fromEntries(
      entities.map(([entity_id, device_id, translation_key, platform = "infrafabric"]): [string, EntityEntry] => [
        entity_id,
        { entity_id, device_id, platform, ...(translation_key ? { translation_key } : {}) },
      ]),
    ),
    states: Object.fromEntries(
      entities.map(([entity_id]) => [entity_id, { entity_id, state: "off", attributes: {}, last_changed: "" }]),
    ),
    language: "en",
  } as unknown as Hass;
}

const HASS = aHass({ obs: "OBS Studio", vmix: "vMix 4K", node: "Mesh node", lamp: "Lamp", peer: "Mesh peer" }, [
  ["switch.obs_stream", "obs", "stream"],
  ["sensor.obs_stream_state", "obs", "stream_state"],
  ["switch.obs_mute_mic", "obs", "mute"],
  ["sensor.obs_cpu", "obs", "cpu"],
  ["image.obs_program", "obs", "program"],
  ["sensor.obs_meter", "obs", "meter"],
  ["select.obs_program", "obs", "program"],
  ["switch.vmix_external", "vmix", "external"],
  ["switch.vmix_stream_1", "vmix", "stream_number"],
  ["switch.vmix_stream_2", "vmix", "stream_number"],
  ["sensor.vmix_stream_1_state", "vmix", "stream_number_state"],
  ["sensor.vmix_stream_2_state", "vmix", "stream_number_state"],
  ["binary_sensor.node_problem", "node", "problem"],
  ["sensor.peer_rtt", "peer", "rtt"],
  ["switch.lamp", "lamp", "stream", "hue"],
  ["switch.obs_other", "obs", "stream", "other_platform"],
]);

test("a studio has its outputs with their states, its health and its picture, and nothing else", () => {
  const [obs, vmix] = findStudios(HASS);
  assert.equal(obs?.name, "The obs");
  assert.deepEqual(obs.outputs, ["switch.obs_stream"]);
  assert.deepEqual([...obs.states], [["switch.obs_stream", "sensor.obs_stream_state"]]);
  assert.deepEqual(obs.health, ["sensor.obs_cpu"]);
  assert.equal(obs.program, "image.obs_program");
  assert.equal(obs.scene, "select.obs_program");
  assert.deepEqual(vmix?.outputs, ["switch.vmix_external", "switch.vmix_stream_1", "switch.vmix_stream_2"]);
  assert.equal(vmix.states.get("switch.vmix_stream_2"), "sensor.vmix_stream_2_state");
  assert.equal(vmix.program, null);
});

test("what a studio does not say is not shown as its health", () => {
  HASS.states["sensor.obs_cpu"]!.state = "unavailable";
  assert.deepEqual(findStudios(HASS)[0]?.health, []);
  HASS.states["sensor.obs_cpu"]!.state = "12";
  assert.deepEqual(findStudios(HASS)[0]?.health, ["sensor.obs_cpu"]);
});

test("only the chosen studios are shown", () => {
  assert.deepEqual(findStudios(HASS, ["vmix"]).map(({ id }) => id), ["vmix"]);
  assert.equal(findStudios(HASS, []).length, 2);
});

test("a switching is over only when the studio itself says so", () => {
  const pending = { wanted: "on", since: 1000 } as const;
  assert.equal(progressOf(pending, "off", 2000), "waiting");
  assert.equal(progressOf(pending, "unavailable", 2000), "waiting");
  assert.equal(progressOf(pending, "on", 2000), "done");
  assert.equal(progressOf(pending, "off", 1001 + PATIENCE * 1000), "late");
});

test("an entity's name is shown without its device's", () => {
  const state = { entity_id: "a.b", state: "on", attributes: { friendly_name: "OBS Stream" }, last_changed: "" };
  assert.equal(shortName(state, "a.b", "OBS"), "Stream");
  assert.equal(shortName(state, "a.b", "Other"), "OBS Stream");
  assert.equal(shortName(undefined, "a.b", "OBS"), "a.b");
});

test("a studio's model is said only as far as its name does not say it", () => {
  assert.equal(modelBeside({ name: "OBS Studio", model: "OBS Studio" }), "");
  assert.equal(modelBeside({ name: "obs studio upstairs", model: "OBS Studio" }), "");
  assert.equal(modelBeside({ name: "vMix", model: "vMix 4K" }), "4K");
  assert.equal(modelBeside({ name: "Upstairs", model: "OBS Studio" }), "OBS Studio");
});

test("the picker suggests the card for entities of the integration only", () => {
  assert.equal(suggest(HASS, "switch.lamp"), null);
  assert.deepEqual(suggest(HASS, "binary_sensor.node_problem")?.config, {
    type: "custom:infrafabric-card", entry_id: "entry-node", show_studios: false,
  });
  assert.deepEqual(suggest(HASS, "switch.obs_stream")?.config.studios, ["obs"]);
});

test("options are checked, and left out they are on", () => {
  assert.equal(readConfig({ type: "x" }).show_peers, true);
  assert.equal(readConfig({ type: "x", show_peers: false }).show_peers, false);
  assert.throws(() => readConfig({ type: "x", show_peers: "no" as unknown as boolean }), /show_peers/);
  assert.throws(() => readConfig({ type: "x", studios: "obs" as unknown as string[] }), /studios/);
  assert.throws(() => readConfig({ type: "x", title: 5 as unknown as string }), /title/);
});

test("the strategy makes a section for each mesh and each studio, and one about the past", () => {
  const view = buildView(HASS) as { sections: { cards: Record<string, unknown>[] }[] };
  const first = view.sections.map(({ cards }) => cards[0]);
  assert.equal(first[0]?.["entry_id"], "entry-node");
  assert.deepEqual(first.slice(1, 3).map((card) => card?.["studios"]), [["obs"], ["vmix"]]);
  assert.deepEqual(view.sections[3]?.cards[1]?.["entities"], ["sensor.peer_rtt"]);
});

test("a house without a mesh gets a view that says so", () => {
  const view = buildView(aHass({}, [])) as { sections: { cards: Record<string, unknown>[] }[] };
  assert.deepEqual(view.sections.map(({ cards }) => cards[0]?.["type"]), ["custom:infrafabric-card"]);
});

test("only a whole invitation is one", () => {
  const whole = { invitation_id: "1", invitation: "text", expires: "2026" };
  assert.ok(isInvitation(whole));
  for (const wrong of [null, "x", {}, { ...whole, invitation: "" }, { ...whole, expires: 5 }]) {
    assert.equal(isInvitation(wrong), false);
  }
});

test("a QR code of an invitation's length has its three finders", () => {
  const { path, size } = qrPath("infrafabric:join#".padEnd(700, "x"));
  assert.ok(size > 70);
  // The upper edge of the finders on the left and on the right.
  assert.ok(path.startsWith("M0 0h7v1H0z"));
  assert.ok(path.includes(`M${size - 7} 0h7v1H${size - 7}z`));
});
