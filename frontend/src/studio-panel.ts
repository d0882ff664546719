/** The studio panel: each studio's program, outputs and health, as Home Assistant reports them. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { messageOf, type Hass, type HassEntity } from "./hass.ts";
import { buttons, hidden } from "./styles.ts";
import { findStudios, PATIENCE, progressOf, type Pending, type Studio } from "./studios.ts";
import { fill, textsOf, type Texts } from "./texts.ts";

export class StudioPanel extends LitElement {
  static override properties = {
    hass: { attribute: false },
    only: { attribute: false },
    above: {},
    pending: { state: true },
    notice: { state: true },
  };
  declare hass: Hass;
  declare only: readonly string[] | undefined;
  /** The title above the panel; a studio of that name is not named again. */
  declare above: string | undefined;
  declare pending: ReadonlyMap<string, Pending>;
  declare notice: string;

  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.pending = new Map();
    this.notice = "";
  }

  private get texts(): Texts {
    return textsOf(this.hass.language);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.pending = new Map();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("hass")) this.settle();
  }

  /** Ends what has happened, and gives up waiting for what has not. */
  private settle(): void {
    if (this.pending.size === 0) return;
    const left = new Map(this.pending);
    for (const [entityId, pending] of this.pending) {
      const state = this.hass.states[entityId];
      const progress = progressOf(pending, state?.state, Date.now());
      if (progress === "waiting") continue;
      left.delete(entityId);
      if (progress === "late") this.notice = fill(this.texts.toggle_late, { name: nameOf(state, entityId) });
    }
    if (left.size !== this.pending.size) this.pending = left;
  }

  private async toggle(entityId: string): Promise<void> {
    const state = this.hass.states[entityId];
    if (!state || this.pending.has(entityId)) return;
    const wanted = state.state === "on" ? "off" : "on";
    this.pending = new Map(this.pending).set(entityId, { wanted, since: Date.now() });
    this.notice = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), PATIENCE * 1000 + 100);
    try {
      await this.hass.callService("switch", `turn_${wanted}`, {}, { entity_id: entityId }, false);
    } catch (error) {
      const left = new Map(this.pending);
      left.delete(entityId);
      this.pending = left;
      this.notice = fill(this.texts.toggle_failed, {
        name: nameOf(state, entityId),
        error: messageOf(error),
      });
    }
  }

  private moreInfo(entityId: string): void {
    this.dispatchEvent(
      new CustomEvent("hass-more-info", { detail: { entityId }, bubbles: true, composed: true }),
    );
  }

  private stateText(state: HassEntity): string {
    return this.hass.formatEntityState?.(state) ?? state.state;
  }

  protected override render(): TemplateResult {
    const studios = findStudios(this.hass, this.only);
    const { texts } = this;
    if (studios.length === 0) return html`<p class="empty">${texts.no_studios}</p>`;
    return html`
      ${studios.map((studio) => this.renderStudio(studio))}
      <p class="notice" role="status">${this.notice}</p>
    `;
  }

  private renderStudio(studio: Studio): TemplateResult {
    const { texts } = this;
    const scene = studio.scene === null ? undefined : this.hass.states[studio.scene];
    const program = studio.program === null ? undefined : this.hass.states[studio.program];
    // The state is when the picture was made: another one is another address, to be loaded again.
    const address = program?.attributes.entity_picture;
    const picture = address && `${address}&state=${encodeURIComponent(program.state)}`;
    const model = modelBeside(studio);
    const small = model ? html`<small>${model}</small>` : nothing;
    return html`<section aria-label=${studio.name}>
      ${studio.name === this.above
        ? model ? html`<p class="model">${small}</p>` : nothing
        : html`<h3>${studio.name} ${small}</h3>`}
      <div class="studio">
        ${picture
          ? html`<button class="program" @click=${() => this.moreInfo(studio.program as string)}>
              <img src=${picture} alt=${fill(texts.program, { studio: studio.name })} />
            </button>`
          : nothing}
        <div class="facts">
          ${scene
            ? html`<p class="scene"><span>${texts.on_program}</span> ${this.stateText(scene)}</p>`
            : nothing}
          ${studio.outputs.length
            ? html`<ul aria-label=${texts.outputs}>
                ${studio.outputs.map((entityId) => this.renderOutput(studio, entityId))}
              </ul>`
            : nothing}
          ${studio.health.length
            ? html`<dl aria-label=${texts.health}>
                ${studio.health.map((entityId) => this.renderHealth(studio, entityId))}
              </dl>`
            : nothing}
        </div>
      </div>
    </section>`;
  }

  private renderOutput(studio: Studio, entityId: string): TemplateResult {
    const { texts } = this;
    const state = this.hass.states[entityId];
    const name = shortName(state, entityId, studio.name);
    const known = state?.state === "on" || state?.state === "off";
    const on = state?.state === "on";
    const pending = this.pending.get(entityId);
    const life = this.hass.states[studio.states.get(entityId) ?? ""];
    const real = life && known ? this.stateText(life) : known ? (on ? texts.on : texts.off) : texts.unknown;
    const text = pending ? texts[`pending_${pending.wanted}`] : real;
    return html`<li>
      <span class="output" id="output-${entityId}">${name}</span>
      <span class="life ${on ? "on" : ""}" role="status">${text}</span>
      <button
        role="switch"
        class="switch"
        data-entity=${entityId}
        aria-labelledby="output-${entityId}"
        aria-checked=${on ? "true" : "false"}
        aria-busy=${pending ? "true" : "false"}
        aria-disabled=${pending || !known ? "true" : "false"}
        @click=${() => known && void this.toggle(entityId)}
      >
        <span></span>
      </button>
    </li>`;
  }

  private renderHealth(studio: Studio, entityId: string): TemplateResult | typeof nothing {
    const state = this.hass.states[entityId];
    if (!state) return nothing;
    return html`<div>
      <dt>${shortName(state, entityId, studio.name)}</dt>
      <dd>${this.stateText(state)}</dd>
    </div>`;
  }

  static override styles = [
    buttons,
    hidden,
    css`
      h3 {
        margin: 8px 0;
        font-size: 16px;
        font-weight: 500;
      }
      small,
      dt,
      .empty {
        color: var(--secondary-text-color);
      }
      .studio {
        display: flex;
        flex-wrap: wrap;
        gap: 16px;
      }
      .program {
        all: unset;
        cursor: pointer;
        flex: 1 1 220px;
        max-width: 360px;
        line-height: 0;
      }
      .program:focus-visible {
        outline: 2px solid var(--primary-color);
      }
      img {
        width: 100%;
        aspect-ratio: 16 / 9;
        object-fit: contain;
        border-radius: 8px;
        background: var(--secondary-background-color);
      }
      .facts {
        flex: 2 1 240px;
        min-width: 0;
      }
      .scene {
        margin: 0 0 4px;
        font-weight: 500;
      }
      .scene span {
        color: var(--secondary-text-color);
        font-weight: 400;
      }
      .model {
        margin: 0 0 8px;
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 40px;
      }
      .output {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .life {
        color: var(--secondary-text-color);
      }
      .life.on {
        color: var(--primary-text-color);
        font-weight: 500;
      }
      .switch {
        all: unset;
        box-sizing: border-box;
        flex: none;
        width: 44px;
        height: 24px;
        padding: 3px;
        border-radius: 12px;
        cursor: pointer;
        border: 1px solid var(--secondary-text-color);
        background: var(--secondary-background-color);
      }
      .switch span {
        display: block;
        width: 16px;
        height: 16px;
        border-radius: 50%;
        background: var(--secondary-text-color);
      }
      .switch[aria-checked="true"] {
        background: var(--primary-color);
        border-color: var(--primary-color);
      }
      .switch[aria-checked="true"] span {
        margin-inline-start: auto;
        background: var(--text-primary-color, #fff);
      }
      .switch[aria-disabled="true"] {
        cursor: default;
        opacity: 0.6;
      }
      .switch:focus-visible {
        outline: 2px solid var(--primary-color);
        outline-offset: 2px;
      }
      @media (prefers-reduced-motion: no-preference) {
        .switch[aria-busy="true"] {
          animation: waiting 1s ease-in-out infinite alternate;
        }
        @keyframes waiting {
          to {
            opacity: 0.3;
          }
        }
      }
      dl {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(120px, 1fr));
        gap: 8px;
        margin: 8px 0 0;
      }
      dt {
        font-size: 12px;
      }
      dd {
        margin: 0;
      }
      .notice {
        margin: 4px 0 0;
        min-height: 1em;
      }
    `,
  ];
}

function nameOf(state: HassEntity | undefined, entityId: string): string {
  return state?.attributes.friendly_name ?? entityId;
}

/** What a studio is, as far as its name does not say so already. */
export function modelBeside({ name, model }: Pick<Studio, "name" | "model">): string {
  if (name.toLowerCase().includes(model.toLowerCase())) return "";
  return model.startsWith(`${name} `) ? model.slice(name.length + 1) : model;
}

/** An entity's name without its device's, which stands above it. */
export function shortName(state: HassEntity | undefined, entityId: string, device: string): string {
  const name = nameOf(state, entityId);
  return device && name.startsWith(`${device} `) ? name.slice(device.length + 1) : name;
}
