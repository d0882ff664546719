/** The part of Home Assistant's frontend that the card uses. */

export interface HassEntity {
  entity_id: string;
  state: string;
  attributes: Record<string, unknown> & {
    friendly_name?: string;
    entity_picture?: string;
    device_class?: string;
    unit_of_measurement?: string;
  };
  last_changed: string;
}

/** An entry of the entity registry as every user sees it. */
export interface EntityEntry {
  entity_id: string;
  device_id?: string;
  platform?: string;
  translation_key?: string;
  entity_category?: string;
  hidden?: boolean;
}

export interface DeviceEntry {
  id: string;
  name: string | null;
  name_by_user?: string | null;
  model?: string | null;
  config_entries?: string[];
  primary_config_entry?: string | null;
}

export interface Connection {
  subscribeMessage<T>(
    callback: (message: T) => void,
    message: Record<string, unknown> & { type: string },
    options?: { resubscribe?: boolean },
  ): Promise<() => Promise<void>>;
  /** "ready" comes after every reconnection, "disconnected" when the connection is lost. */
  addEventListener(event: "ready" | "disconnected", listener: () => void): void;
  removeEventListener(event: "ready" | "disconnected", listener: () => void): void;
}

export interface Hass {
  states: Record<string, HassEntity | undefined>;
  entities: Record<string, EntityEntry>;
  devices: Record<string, DeviceEntry>;
  user?: { is_admin: boolean };
  language: string;
  locale?: { language: string; time_format?: string; time_zone?: string };
  themes?: { darkMode?: boolean };
  config?: { time_zone?: string };
  connection: Connection;
  callService(
    domain: string,
    service: string,
    data?: Record<string, unknown>,
    target?: Record<string, unknown>,
    notifyOnError?: boolean,
    returnResponse?: boolean,
  ): Promise<{ response?: unknown }>;
  formatEntityState?(state: HassEntity): string;
}

export const PLATFORM = "infrafabric";

/** What a failed call of Home Assistant says, whatever form it has. */
export function messageOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) {
    return String((error as { message: unknown }).message);
  }
  return String(error);
}
