/** Dashboards that build themselves from what there is: every mesh and every studio. */

import { CARD_TYPE, type CardConfig } from "./config.ts";
import { PLATFORM, type Hass } from "./hass.ts";
import { findStudios } from "./studios.ts";
import { textsOf } from "./texts.ts";

type Config = Record<string, unknown>;

const NODE_MODEL = "Mesh node";
const PEER_MODEL = "Mesh peer";
const MAX_GRAPH = 12;

const card = (config: Omit<CardConfig, "type">): Config => ({
  type: `custom:${CARD_TYPE}`,
  grid_options: { columns: "full" },
  ...config,
});
const section = (span: number, ...cards: Config[]): Config => ({ type: "grid", column_span: span, cards });

/** Entities of this integration with one translation key, on devices of one model. */
function entitiesOf(hass: Hass, model: string, key: string, domain: string): string[] {
  return Object.values(hass.entities)
    .filter(
      (entry) =>
        entry.platform === PLATFORM &&
        !entry.hidden &&
        entry.entity_id.startsWith(`${domain}.`) &&
        entry.device_id !== undefined &&
        hass.devices[entry.device_id]?.model === model &&
        (entry.translation_key === key ||
          (!entry.translation_key && hass.states[entry.entity_id]?.attributes.device_class === key)),
    )
    .map((entry) => entry.entity_id)
    .sort();
}

/** The view: a section for each mesh, one for each studio, and what happened lately. */
export function buildView(hass: Hass): Config {
  const texts = textsOf(hass.language);
  const meshes = Object.values(hass.devices).filter(
    (device) =>
      device.model === NODE_MODEL &&
      Object.values(hass.entities).some(
        (entry) => entry.platform === PLATFORM && entry.device_id === device.id,
      ),
  );
  const sections: Config[] = meshes.map((device) => {
    const entryId = device.primary_config_entry ?? device.config_entries?.[0];
    return section(2, card({ ...(entryId ? { entry_id: entryId } : {}), show_studios: false }));
  });
  for (const studio of findStudios(hass)) {
    sections.push(
      section(
        1,
        card({
          title: studio.name,
          show_picture: false,
          show_peers: false,
          show_invite: false,
          studios: [studio.id],
        }),
      ),
    );
  }
  if (sections.length === 0) sections.push(section(2, card({})));
  const rtt = entitiesOf(hass, PEER_MODEL, "rtt", "sensor").slice(0, MAX_GRAPH);
  const connectivity = entitiesOf(hass, PEER_MODEL, "connectivity", "binary_sensor");
  const history: Config[] = [];
  if (rtt.length) {
    history.push({
      type: "history-graph",
      hours_to_show: 24,
      entities: rtt,
      grid_options: { columns: "full" },
    });
  }
  if (connectivity.length) {
    history.push({
      type: "logbook",
      hours_to_show: 24,
      target: { entity_id: connectivity },
      grid_options: { columns: "full", rows: 6 },
    });
  }
  if (history.length) {
    sections.push(
      section(2, { type: "heading", heading: texts.view_history, icon: "mdi:history" }, ...history),
    );
  }
  return { type: "sections", max_columns: 4, title: texts.card_name, path: PLATFORM, sections };
}

export class ViewStrategy extends HTMLElement {
  static async generate(_config: Config, hass: Hass): Promise<Config> {
    return buildView(hass);
  }

  /** Devices that come and go change the view. */
  static shouldRegenerate(_config: Config, before: Hass, now: Hass): boolean {
    if (before.entities === now.entities && before.devices === now.devices) return false;
    // Cards are made anew then, so it must be worth it.
    return JSON.stringify(buildView(before)) !== JSON.stringify(buildView(now));
  }
}

export class DashboardStrategy extends HTMLElement {
  static async generate(config: Config): Promise<Config> {
    const texts = textsOf(document.documentElement.lang);
    return {
      title: typeof config["title"] === "string" ? config["title"] : texts.card_name,
      views: [
        {
          title: texts.card_name,
          path: PLATFORM,
          icon: "mdi:graph-outline",
          strategy: { type: `custom:${PLATFORM}` },
        },
      ],
    };
  }
}
