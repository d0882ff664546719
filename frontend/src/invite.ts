/**
 * The invitation dialog of admins.
 *
 * The invitation's secret lives in this element while the dialog is open and nowhere else: not in
 * an address, a log, a store or an attribute. The dialog stands beside the page and not in the card:
 * when somebody joins, a dashboard that builds itself makes its cards anew.
 */

import { generate } from "lean-qr";
import { css, html, LitElement, nothing, svg, type TemplateResult } from "lit";
import { followMesh, MeshStore, type NodeInfo } from "./feed.ts";
import { messageOf, PLATFORM, type Hass } from "./hass.ts";
import { buttons, hidden } from "./styles.ts";
import { fill, textsOf, type Key, type Texts } from "./texts.ts";

const ROLES = ["observe", "command", "admin"] as const;
const EXPIRIES: Readonly<Record<string, number>> = { hour: 1, day: 24, week: 168 };

interface Invitation {
  invitation_id: string;
  invitation: string;
  expires: string;
}

/** Tells whether an answer of Home Assistant is an invitation. */
export function isInvitation(value: unknown): value is Invitation {
  if (typeof value !== "object" || value === null) return false;
  const { invitation_id, invitation, expires } = value as Record<string, unknown>;
  return [invitation_id, invitation, expires].every((part) => typeof part === "string" && part !== "");
}

/** The dark modules of a QR code as one path, and how many modules a side has. */
export function qrPath(text: string): { path: string; size: number } {
  const code = generate(text);
  let path = "";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (!code.get(x, y)) continue;
      let end = x + 1;
      while (end < code.size && code.get(end, y)) end += 1;
      path += `M${x} ${y}h${end - x}v1H${x}z`;
      x = end;
    }
  }
  return { path, size: code.size };
}

export class InviteDialog extends LitElement {
  static override properties = {
    hass: { attribute: false },
    node: { attribute: false },
    version: { state: true },
    step: { state: true },
    notice: { state: true },
  };
  declare hass: Hass;
  declare node: NodeInfo;
  declare version: number;
  declare step: "ask" | "busy" | "code";
  declare notice: string;

  private readonly store = new MeshStore();
  private unfollow: (() => void) | null = null;
  private made: Invitation | null = null;
  private known: Set<string> | null = null;
  private opened = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.version = 0;
    this.step = "ask";
    this.notice = "";
  }

  private get texts(): Texts {
    return textsOf(this.hass.language);
  }

  private get dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector("dialog");
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.unfollow = followMesh(
      this.hass,
      this.node.entry_id,
      (message) => {
        this.store.apply(message);
        this.version = this.store.version;
      },
      // Without it the dialog does not notice who joins, and does everything else.
      () => undefined,
    );
    window.addEventListener("popstate", this.close);
    window.addEventListener("location-changed", this.close);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("popstate", this.close);
    window.removeEventListener("location-changed", this.close);
    this.unfollow?.();
    this.forget();
  }

  protected override firstUpdated(): void {
    this.dialog?.showModal();
  }

  /** Forgets the secret: nothing of it stays in the page. */
  private forget(): void {
    clearTimeout(this.timer);
    this.opened += 1;
    this.made = null;
    this.step = "ask";
    this.notice = "";
  }

  private readonly close = (): void => this.dialog?.close();

  private async create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const attempt = this.opened;
    this.step = "busy";
    this.notice = "";
    // Who is known before the invitation exists cannot have come with it.
    this.known = this.store.node ? new Set([...this.store.peers.values()].map(({ id }) => id)) : null;
    try {
      const answer = await this.hass.callService(
        PLATFORM,
        "create_invitation",
        { role: form.get("role"), expires_in: { hours: EXPIRIES[String(form.get("expiry"))] ?? 24 } },
        { device_id: this.node.device_id },
        false,
        true,
      );
      // Closed in the meantime: the invitation stays open, and can be cancelled in the settings.
      if (attempt !== this.opened) return;
      if (!isInvitation(answer.response)) throw new Error("?");
      this.made = answer.response;
      this.step = "code";
      const left = new Date(this.made.expires).getTime() - Date.now();
      this.timer = setTimeout(() => this.expire(), Math.min(Math.max(0, left), 2 ** 31 - 1));
      await this.updateComplete;
      this.renderRoot.querySelector("textarea")?.focus();
    } catch (error) {
      if (attempt !== this.opened) return;
      this.step = "ask";
      this.notice = fill(this.texts.invite_failed, { error: messageOf(error) });
    }
  }

  private expire(): void {
    this.forget();
    this.notice = this.texts.invite_over;
  }

  private async cancel(): Promise<void> {
    const { made } = this;
    if (!made) return;
    try {
      await this.hass.callService(
        PLATFORM,
        "cancel_invitation",
        { invitation_id: made.invitation_id },
        { device_id: this.node.device_id },
        false,
      );
      this.forget();
      this.notice = this.texts.invite_cancelled;
    } catch (error) {
      this.notice = messageOf(error);
    }
  }

  private async copy(): Promise<void> {
    const area = this.renderRoot.querySelector("textarea");
    if (!area || !this.made) return;
    let copied = false;
    try {
      await navigator.clipboard.writeText(this.made.invitation);
      copied = true;
    } catch {
      // Without HTTPS there is no clipboard, but there is the older way.
      area.select();
      copied = document.execCommand("copy");
    }
    this.notice = copied ? this.texts.copied : this.texts.copy_failed;
  }

  private joined(): string {
    const { known } = this;
    if (this.step !== "code" || !known) return "";
    const peer = [...this.store.peers.values()].find(({ id }) => !known.has(id));
    return peer ? fill(this.texts.invite_joined, { name: peer.name }) : "";
  }

  protected override render(): TemplateResult {
    const { texts } = this;
    return html`<dialog aria-labelledby="title" @close=${this.remove}>
      <h2 id="title">${fill(texts.invite_title, { mesh: this.node.mesh })}</h2>
      ${this.step === "code" ? this.renderCode() : this.renderForm()}
      <p class="notice" role="status">${this.joined() || this.notice}</p>
      <div class="actions">
        ${this.step === "code"
          ? html`<button class="plain" type="button" @click=${this.cancel}>${texts.invite_cancel}</button>`
          : nothing}
        <button class="plain close" type="button" @click=${this.close}>${texts.close}</button>
      </div>
    </dialog>`;
  }

  private renderForm(): TemplateResult {
    const { texts } = this;
    const busy = this.step === "busy";
    return html`<form @submit=${this.create}>
      <label>
        <span>${texts.invite_role}</span>
        <select name="role">
          ${ROLES.map((role) => html`<option value=${role}>${texts[`role_${role}`]}</option>`)}
        </select>
      </label>
      <label>
        <span>${texts.invite_expiry}</span>
        <select name="expiry">
          ${Object.keys(EXPIRIES).map(
            (expiry) =>
              html`<option value=${expiry} ?selected=${expiry === "day"}>
                ${texts[`expiry_${expiry}` as Key]}
              </option>`,
          )}
        </select>
      </label>
      <button class="main" type="submit" ?disabled=${busy}>
        ${busy ? texts.invite_creating : texts.invite_create}
      </button>
    </form>`;
  }

  private renderCode(): TemplateResult {
    const { texts, made } = this;
    if (!made) return html``;
    const { path, size } = qrPath(made.invitation);
    const time = new Date(made.expires).toLocaleString(this.hass.language, {
      dateStyle: "medium",
      timeStyle: "short",
    });
    return html`
      <label>
        <span>${texts.invite_code}</span>
        <textarea readonly rows="4" spellcheck="false" .value=${made.invitation}></textarea>
      </label>
      <p class="row">
        <button class="main copy" type="button" @click=${this.copy}>${texts.copy}</button>
        <span class="until">${fill(texts.invite_until, { time })}</span>
      </p>
      <p>${texts.invite_secret}</p>
      <svg
        class="qr"
        role="img"
        aria-label=${texts.invite_qr}
        viewBox="-4 -4 ${size + 8} ${size + 8}"
        shape-rendering="crispEdges"
      >
        ${svg`<rect x="-4" y="-4" width=${size + 8} height=${size + 8} fill="#fff" />
          <path d=${path} fill="#000" />`}
      </svg>
      <p class="fingerprint">
        ${fill(texts.invite_fingerprint, { fingerprint: this.node.fingerprint })}
      </p>
    `;
  }

  static override styles = [
    buttons,
    hidden,
    css`
      dialog {
        box-sizing: border-box;
        width: min(520px, calc(100vw - 24px));
        max-height: calc(100dvh - 24px);
        padding: 20px;
        overflow-y: auto;
        border: none;
        border-radius: var(--ha-card-border-radius, 12px);
        color: var(--primary-text-color);
        background: var(--ha-card-background, var(--card-background-color, #fff));
        font-family: inherit;
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 50%);
      }
      h2 {
        margin: 0 0 12px;
        font-size: 20px;
        font-weight: 500;
      }
      form,
      label {
        display: flex;
        flex-direction: column;
        gap: 6px;
      }
      form {
        gap: 16px;
      }
      form button {
        align-self: start;
      }
      select,
      textarea {
        box-sizing: border-box;
        width: 100%;
        padding: 8px;
        font: inherit;
        color: var(--primary-text-color);
        background: var(--secondary-background-color);
        border: 1px solid var(--divider-color);
        border-radius: 8px;
      }
      textarea {
        font-family: monospace;
        font-size: 12px;
        resize: none;
        word-break: break-all;
      }
      .row {
        display: flex;
        align-items: center;
        gap: 12px;
        flex-wrap: wrap;
      }
      .qr {
        display: block;
        width: min(320px, 100%);
        margin: 0 auto;
      }
      .fingerprint {
        overflow-wrap: anywhere;
      }
      .notice {
        min-height: 1.2em;
        margin: 8px 0;
        font-weight: 500;
      }
      .actions {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
      }
    `,
  ];
}

/** Opens the dialog over the page; it removes itself when it is closed. */
export function openInvite(hass: Hass, node: NodeInfo): void {
  const dialog = document.createElement("infrafabric-invite-dialog") as InviteDialog;
  dialog.hass = hass;
  dialog.node = node;
  document.body.append(dialog);
}
