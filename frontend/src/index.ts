/** Registers the card, its parts and the dashboard strategy with Home Assistant. */

import { InfraFabricCard } from "./card.ts";
import { CARD_TYPE, suggest } from "./config.ts";
import { PLATFORM } from "./hass.ts";
import { InviteDialog } from "./invite.ts";
import { PeerList } from "./peers.ts";
import { MeshPicture } from "./picture.ts";
import { DashboardStrategy, ViewStrategy } from "./strategy.ts";
import { StudioPanel } from "./studio-panel.ts";
import { textsOf } from "./texts.ts";

const ELEMENTS: Readonly<Record<string, CustomElementConstructor>> = {
  "infrafabric-mesh-picture": MeshPicture,
  "infrafabric-peer-list": PeerList,
  "infrafabric-studio-panel": StudioPanel,
  "infrafabric-invite-dialog": InviteDialog,
  [CARD_TYPE]: InfraFabricCard,
  [`ll-strategy-dashboard-${PLATFORM}`]: DashboardStrategy,
  [`ll-strategy-view-${PLATFORM}`]: ViewStrategy,
};

for (const [name, element] of Object.entries(ELEMENTS)) {
  // A page that was open during an update has the old version already; it stays until a reload.
  if (!customElements.get(name)) customElements.define(name, element);
}

interface Described {
  type: string;
  [key: string]: unknown;
}

declare global {
  interface Window {
    customCards?: Described[];
    customStrategies?: Described[];
  }
}

const texts = textsOf(document.documentElement.lang);
const documentationURL =
  "https://github.com/infrafabric/infrafabric-homeassistant/blob/main/docs/how-to/dashboard-card.md";

function announce(list: Described[], described: Described): void {
  if (!list.some(({ type }) => type === described.type)) list.push(described);
}

announce((window.customCards ??= []), {
  type: CARD_TYPE,
  name: texts.card_name,
  description: texts.card_description,
  preview: true,
  documentationURL,
  getEntitySuggestion: suggest,
});

announce((window.customStrategies ??= []), {
  type: PLATFORM,
  strategyType: "dashboard",
  name: texts.strategy_name,
  description: texts.strategy_description,
  documentationURL,
});
