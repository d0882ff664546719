/** The card: one mesh as a live picture and a list, the studios, and the invite button. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { configForm, readConfig, type CardConfig } from "./config.ts";
import { BANDS, followMesh, MeshStore } from "./feed.ts";
import { messageOf, type Hass } from "./hass.ts";
import { openInvite } from "./invite.ts";
import { MAX_BESIDE } from "./layout.ts";
import type { PeerList } from "./peers.ts";
import { BAND_COLOURS } from "./picture.ts";
import { PROVEN_FOR } from "./proof.ts";
import { findStudios } from "./studios.ts";
import { buttons, hidden } from "./styles.ts";
import { fill, textsOf, type Texts } from "./texts.ts";

/** Milliseconds after which the card is drawn again though nothing was told. */
const TICK = 30_000;
/** Peers for whom a lower picture has room. */
const MAX_LOW = 6;

/** How high the picture is: one or two peers stand beside this node, some need a small circle. */
function sizeOf(peers: number): "flat" | "low" | "" {
  if (peers <= MAX_BESIDE) return "flat";
  return peers <= MAX_LOW ? "low" : "";
}

export class InfraFabricCard extends LitElement {
  static override properties = {
    hass: { attribute: false },
    config: { state: true },
    version: { state: true },
    tick: { state: true },
    problem: { state: true },
    chosen: { state: true },
  };
  declare hass: Hass | undefined;
  declare config: ReturnType<typeof readConfig> | undefined;
  declare version: number;
  /** Grows as time passes, for what says how long ago something was. */
  declare tick: number;
  declare problem: { code: string; text: string } | null;
  declare chosen: number | null;

  private store = new MeshStore();
  /** What is subscribed to, to notice that it must change. */
  private wanted = "";
  private unsubscribe: (() => void) | null = null;
  private clock: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.version = 0;
    this.tick = 0;
    this.problem = null;
    this.chosen = null;
  }

  // -- what Home Assistant asks of a card ----------------------------------------------------

  setConfig(config: CardConfig): void {
    this.config = readConfig(config);
  }

  static getConfigForm(): unknown {
    return configForm();
  }

  static getStubConfig(): Record<string, unknown> {
    return {};
  }

  getCardSize(): number {
    const { show_picture, show_peers, show_studios } = this.config ?? {};
    return 1 + (show_picture ? 6 : 0) + (show_peers ? 4 : 0) + (show_studios ? 4 : 0);
  }

  getGridOptions(): Record<string, unknown> {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  // -- the feed ------------------------------------------------------------------------------

  override connectedCallback(): void {
    super.connectedCallback();
    this.clock = setInterval(() => (this.tick += 1), TICK);
    this.follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.clock);
    this.stop();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("config") || changed.has("hass")) this.follow();
  }

  protected override shouldUpdate(changed: PropertyValues<this>): boolean {
    if (!this.config) return false;
    if (changed.size > 1 || !changed.has("hass")) return true;
    // Home Assistant sets a new `hass` with every state of anything; only some concern the card.
    const before = changed.get("hass") as Hass | undefined;
    const { hass } = this;
    if (!before || !hass) return true;
    return (
      before.language !== hass.language ||
      before.themes !== hass.themes ||
      before.user !== hass.user ||
      before.entities !== hass.entities ||
      before.devices !== hass.devices ||
      (this.config.show_studios && this.studioChanged(before, hass))
    );
  }

  private studioChanged(before: Hass, now: Hass): boolean {
    return findStudios(now, this.config?.studios).some((studio) =>
      [...studio.outputs, ...studio.states.values(), ...studio.health, studio.program, studio.scene].some(
        (entityId) => entityId !== null && before.states[entityId] !== now.states[entityId],
      ),
    );
  }

  private get needsMesh(): boolean {
    const { config } = this;
    return Boolean(config && (config.show_picture || config.show_peers || config.show_invite));
  }

  private follow(): void {
    const { hass, config } = this;
    if (!hass || !config || !this.isConnected) return;
    const wanted = this.needsMesh ? `mesh ${config.entry_id ?? ""}` : "nothing";
    if (wanted === this.wanted) return;
    this.stop();
    this.wanted = wanted;
    if (this.needsMesh) this.subscribe(hass, config.entry_id);
  }

  private subscribe(hass: Hass, entryId: string | undefined): void {
    const store = new MeshStore();
    this.store = store;
    this.version = 0;
    this.problem = null;
    this.unsubscribe = followMesh(
      hass,
      entryId,
      (message) => {
        store.apply(message);
        this.problem = null;
        this.version = store.version;
      },
      (error) => {
        const code = typeof error === "object" && error && "code" in error ? String(error.code) : "";
        this.problem = { code, text: messageOf(error) };
      },
    );
  }

  private stop(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
    this.wanted = "";
  }

  // -- what is shown -------------------------------------------------------------------------

  private get texts(): Texts {
    return textsOf(this.hass?.language);
  }

  private choose(event: CustomEvent<number | null>): void {
    const { detail } = event;
    this.chosen = detail !== null && this.store.peers.has(detail) ? detail : null;
    if (this.chosen !== null) {
      this.renderRoot.querySelector<PeerList>("infrafabric-peer-list")?.show(this.chosen);
    }
  }

  private invite(): void {
    if (this.hass && this.store.node) openInvite(this.hass, this.store.node);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { hass, config, store, texts } = this;
    if (!hass || !config) return nothing;
    const { node } = store;
    const title = config.title ?? node?.mesh ?? (this.needsMesh ? texts.title : texts.studios);
    const invites = config.show_invite && hass.user?.is_admin && node?.can_invite;
    const studios = config.show_studios && findStudios(hass, config.studios).length > 0;
    return html`<ha-card>
      <div class="card">
        <header>
          <h2>${title}</h2>
          ${node ? this.renderSummary() : nothing}
          ${invites
            ? html`<button class="main invite" ?disabled=${!store.available} @click=${this.invite}>
                ${texts.invite}
              </button>`
            : nothing}
        </header>
        ${this.needsMesh ? this.renderMesh(hass, Boolean(studios)) : nothing}
        ${studios || (config.show_studios && !this.needsMesh)
          ? html`${this.needsMesh ? html`<h3>${texts.studios}</h3>` : nothing}
              <infrafabric-studio-panel
                .hass=${hass}
                .only=${config.studios}
                .above=${title}
              ></infrafabric-studio-panel>`
          : nothing}
      </div>
    </ha-card>`;
  }

  private renderSummary(): TemplateResult {
    const { connected, down } = this.store.counts();
    const total = this.store.peers.size;
    return html`<span class="summary">
      ${fill(this.texts.summary_short, { connected, total })}${down
        ? html`, <strong>${fill(this.texts.summary_down, { down })}</strong>`
        : nothing}
    </span>`;
  }

  private renderMesh(hass: Hass, studios: boolean): TemplateResult | typeof nothing {
    const { config, store, texts, problem } = this;
    if (problem) {
      // Somebody with studios and no mesh did nothing wrong.
      if (problem.code === "not_found" && studios && !config?.entry_id) return nothing;
      // While Home Assistant starts, the integration comes later than the page.
      if (problem.code === "unknown_command") return html`<p role="status">${texts.connecting}</p>`;
      const text = problem.code === "not_found" ? texts.no_mesh : fill(texts.failed, { error: problem.text });
      return html`<p role="alert">${text}</p>`;
    }
    if (!store.node) return html`<p role="status">${store.version ? texts.unavailable : texts.connecting}</p>`;
    return html`
      ${store.available ? nothing : html`<p role="status">${texts.unavailable}</p>`}
      ${config?.show_picture
        ? html`<infrafabric-mesh-picture
              class="${sizeOf(store.peers.size)} ${store.available ? "" : "past"}"
              .store=${store}
              .version=${this.version}
              .tick=${this.tick}
              .language=${hass.language}
              .theme=${hass.themes}
              .chosen=${this.chosen}
              @peer-chosen=${this.choose}
            ></infrafabric-mesh-picture>
            ${this.renderLegend()}`
        : nothing}
      ${config?.show_peers
        ? html`<infrafabric-peer-list
            .store=${store}
            .version=${this.version}
            .tick=${this.tick}
            .language=${hass.language}
            .chosen=${this.chosen}
          ></infrafabric-peer-list>`
        : nothing}
    `;
  }

  private renderLegend(): TemplateResult {
    const { texts } = this;
    return html`<ul class="legend" aria-label=${texts.legend}>
      ${BANDS.map((band) => {
        const [variable, otherwise] = BAND_COLOURS[band];
        return html`<li>
          <i style="border-top-color: var(${variable}, ${otherwise})"></i>${texts[`band_${band}`]}
        </li>`;
      })}
      <li><i class="direct"></i>${texts.legend_direct}</li>
      <li><i class="relayed"></i>${texts.legend_relayed}</li>
      <li><i class="routed"></i>${texts.legend_routed}</li>
      <li><i class="half"></i>${texts.legend_one_end}</li>
      <li><b class="proven" aria-hidden="true">✓</b>${fill(texts.legend_proven, { minutes: PROVEN_FOR / 60 })}</li>
      <li><b aria-hidden="true">✕</b>${texts.state_down}</li>
    </ul>`;
  }

  static override styles = [
    buttons,
    hidden,
    css`
      :host {
        display: block;
      }
      .card {
        container: infrafabric / inline-size;
        padding: 16px;
        color: var(--primary-text-color);
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 12px;
      }
      h2 {
        margin: 0;
        font-size: 20px;
        font-weight: 500;
        overflow-wrap: anywhere;
      }
      h3 {
        margin: 16px 0 0;
        font-size: 16px;
        font-weight: 500;
      }
      .summary {
        flex: 1;
        color: var(--secondary-text-color);
      }
      .summary strong {
        color: var(--primary-text-color);
      }
      infrafabric-mesh-picture {
        height: clamp(240px, 60cqw, 460px);
      }
      infrafabric-mesh-picture.flat {
        height: clamp(240px, 30cqw, 460px);
      }
      infrafabric-mesh-picture.low {
        height: clamp(240px, 45cqw, 360px);
      }
      .past {
        opacity: 0.5;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        margin: 4px 0 12px;
        padding: 0;
        list-style: none;
        font-size: 12px;
        color: var(--secondary-text-color);
      }
      .legend li {
        display: flex;
        align-items: center;
        gap: 4px;
      }
      .legend i {
        width: 18px;
        border-top: 3px solid var(--secondary-text-color);
      }
      .legend .relayed {
        border-top-style: dashed;
      }
      .legend .routed {
        border-top-style: dotted;
      }
      .legend .half {
        width: 9px;
        margin-inline-end: 9px;
      }
      .legend b {
        color: var(--error-color, #db4437);
      }
      .legend .proven {
        width: 14px;
        border: 1px solid;
        border-radius: 50%;
        font-size: 10px;
        line-height: 14px;
        text-align: center;
        color: var(--primary-text-color);
      }
    `,
  ];
}
