/** What a card can be told: its options, and the form of the visual editor. */

import { isStudio } from "./studios.ts";
import { PLATFORM, type Hass } from "./hass.ts";
import { textsOf, type Key } from "./texts.ts";

export const CARD_TYPE = "infrafabric-card";

export interface CardConfig {
  type: string;
  entry_id?: string;
  title?: string;
  show_picture?: boolean;
  show_peers?: boolean;
  show_studios?: boolean;
  show_invite?: boolean;
  studios?: string[];
  grid_options?: Record<string, unknown>;
}

export const DEFAULTS = {
  show_picture: true,
  show_peers: true,
  show_studios: true,
  show_invite: true,
} as const;

type Flag = keyof typeof DEFAULTS;
const FLAGS = Object.keys(DEFAULTS) as Flag[];

/** The configuration with every option, checked.
 *
 * @throws Error that says which option is wrong, as Home Assistant shows it in the card's place.
 */
export function readConfig(config: CardConfig): CardConfig & Record<Flag, boolean> {
  for (const flag of FLAGS) {
    if (config[flag] !== undefined && typeof config[flag] !== "boolean") {
      throw new Error(`${flag} must be true or false`);
    }
  }
  for (const name of ["entry_id", "title"] as const) {
    if (config[name] !== undefined && typeof config[name] !== "string") {
      throw new Error(`${name} must be text`);
    }
  }
  const { studios } = config;
  if (studios !== undefined && !(Array.isArray(studios) && studios.every((id) => typeof id === "string"))) {
    throw new Error("studios must be a list of device ids");
  }
  return { ...DEFAULTS, ...config };
}

/** The form of the visual editor. */
export function configForm(): unknown {
  const texts = () => textsOf(document.documentElement.lang);
  return {
    schema: [
      { name: "title", selector: { text: {} } },
      { name: "entry_id", selector: { config_entry: { integration: PLATFORM } } },
      {
        type: "grid",
        name: "",
        schema: FLAGS.map((name) => ({ name, default: true, selector: { boolean: {} } })),
      },
      {
        name: "studios",
        selector: {
          device: {
            multiple: true,
            filter: [
              { integration: PLATFORM, manufacturer: "OBS Project" },
              { integration: PLATFORM, manufacturer: "StudioCoast" },
            ],
          },
        },
      },
    ],
    computeLabel: (field: { name: string }): string | undefined => texts()[`option_${field.name}` as Key],
    computeHelper: (field: { name: string }): string | undefined => texts()[`help_${field.name}` as Key],
    assertConfig: (config: CardConfig): void => void readConfig(config),
  };
}

/** What the card picker offers for an entity of this integration; null for all others. */
export function suggest(hass: Hass, entityId: string): { config: CardConfig } | null {
  const entity = hass.entities[entityId];
  if (entity?.platform !== PLATFORM || !entity.device_id) return null;
  const type = `custom:${CARD_TYPE}`;
  if (isStudio(hass, entity.device_id)) {
    return {
      config: { type, show_picture: false, show_peers: false, show_invite: false, studios: [entity.device_id] },
    };
  }
  const device = hass.devices[entity.device_id];
  const entryId = device?.primary_config_entry ?? device?.config_entries?.[0];
  return { config: { type, ...(entryId ? { entry_id: entryId } : {}), show_studios: false } };
}
