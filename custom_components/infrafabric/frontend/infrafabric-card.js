/* InfraFabric card, built from frontend/ (Apache-2.0). Contains Lit (BSD-3-Clause) and lean-qr (MIT). */
var le=globalThis,de=le.ShadowRoot&&(le.ShadyCSS===void 0||le.ShadyCSS.nativeShadow)&&"adoptedStyleSheets"in Document.prototype&&"replace"in CSSStyleSheet.prototype,Oe=Symbol(),ht=new WeakMap,X=class{constructor(e,t,n){if(this._$cssResult$=!0,n!==Oe)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,t=this.t;if(de&&e===void 0){let n=t!==void 0&&t.length===1;n&&(e=ht.get(t)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),n&&ht.set(t,e))}return e}toString(){return this.cssText}},ut=i=>new X(typeof i=="string"?i:i+"",void 0,Oe),C=(i,...e)=>{let t=i.length===1?i[0]:e.reduce((n,s,r)=>n+(o=>{if(o._$cssResult$===!0)return o.cssText;if(typeof o=="number")return o;throw Error("Value passed to 'css' function must be a 'css' function result: "+o+". Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.")})(s)+i[r+1],i[0]);return new X(t,i,Oe)},pt=(i,e)=>{if(de)i.adoptedStyleSheets=e.map(t=>t instanceof CSSStyleSheet?t:t.styleSheet);else for(let t of e){let n=document.createElement("style"),s=le.litNonce;s!==void 0&&n.setAttribute("nonce",s),n.textContent=t.cssText,i.appendChild(n)}},Le=de?i=>i:i=>i instanceof CSSStyleSheet?(e=>{let t="";for(let n of e.cssRules)t+=n.cssText;return ut(t)})(i):i;var{is:dn,defineProperty:cn,getOwnPropertyDescriptor:hn,getOwnPropertyNames:un,getOwnPropertySymbols:pn,getPrototypeOf:fn}=Object,ce=globalThis,ft=ce.trustedTypes,mn=ft?ft.emptyScript:"",gn=ce.reactiveElementPolyfillSupport,Q=(i,e)=>i,De={toAttribute(i,e){switch(e){case Boolean:i=i?mn:null;break;case Object:case Array:i=i==null?i:JSON.stringify(i)}return i},fromAttribute(i,e){let t=i;switch(e){case Boolean:t=i!==null;break;case Number:t=i===null?null:Number(i);break;case Object:case Array:try{t=JSON.parse(i)}catch{t=null}}return t}},gt=(i,e)=>!dn(i,e),mt={attribute:!0,type:String,converter:De,reflect:!1,useDefault:!1,hasChanged:gt};Symbol.metadata??=Symbol("metadata"),ce.litPropertyMetadata??=new WeakMap;var P=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=mt){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),s=this.getPropertyDescriptor(e,n,t);s!==void 0&&cn(this.prototype,e,s)}}static getPropertyDescriptor(e,t,n){let{get:s,set:r}=hn(this.prototype,e)??{get(){return this[t]},set(o){this[t]=o}};return{get:s,set(o){let a=s?.call(this);r?.call(this,o),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??mt}static _$Ei(){if(this.hasOwnProperty(Q("elementProperties")))return;let e=fn(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(Q("finalized")))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(Q("properties"))){let t=this.properties,n=[...un(t),...pn(t)];for(let s of n)this.createProperty(s,t[s])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[n,s]of t)this.elementProperties.set(n,s)}this._$Eh=new Map;for(let[t,n]of this.elementProperties){let s=this._$Eu(t,n);s!==void 0&&this._$Eh.set(s,t)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let s of n)t.unshift(Le(s))}else e!==void 0&&t.push(Le(e));return t}static _$Eu(e,t){let n=t.attribute;return n===!1?void 0:typeof n=="string"?n:typeof e=="string"?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return pt(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),s=this.constructor._$Eu(e,n);if(s!==void 0&&n.reflect===!0){let r=(n.converter?.toAttribute!==void 0?n.converter:De).toAttribute(t,n.type);this._$Em=e,r==null?this.removeAttribute(s):this.setAttribute(s,r),this._$Em=null}}_$AK(e,t){let n=this.constructor,s=n._$Eh.get(e);if(s!==void 0&&this._$Em!==s){let r=n.getPropertyOptions(s),o=typeof r.converter=="function"?{fromAttribute:r.converter}:r.converter?.fromAttribute!==void 0?r.converter:De;this._$Em=s;let a=o.fromAttribute(t,r.type);this[s]=a??this._$Ej?.get(s)??a,this._$Em=null}}requestUpdate(e,t,n,s=!1,r){if(e!==void 0){let o=this.constructor;if(s===!1&&(r=this[e]),n??=o.getPropertyOptions(e),!((n.hasChanged??gt)(r,t)||n.useDefault&&n.reflect&&r===this._$Ej?.get(e)&&!this.hasAttribute(o._$Eu(e,n))))return;this.C(e,t,n)}this.isUpdatePending===!1&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:s,wrapped:r},o){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,o??t??this[e]),r!==!0||o!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),s===!0&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(t){Promise.reject(t)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[s,r]of this._$Ep)this[s]=r;this._$Ep=void 0}let n=this.constructor.elementProperties;if(n.size>0)for(let[s,r]of n){let{wrapped:o}=r,a=this[s];o!==!0||this._$AL.has(s)||a===void 0||this.C(s,void 0,r,a)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(n=>n.hostUpdate?.()),this.update(t)):this._$EM()}catch(n){throw e=!1,this._$EM(),n}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(t=>t.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(t=>this._$ET(t,this[t])),this._$EM()}updated(e){}firstUpdated(e){}};P.elementStyles=[],P.shadowRootOptions={mode:"open"},P[Q("elementProperties")]=new Map,P[Q("finalized")]=new Map,gn?.({ReactiveElement:P}),(ce.reactiveElementVersions??=[]).push("2.1.2");var Fe=globalThis,vt=i=>i,he=Fe.trustedTypes,_t=he?he.createPolicy("lit-html",{createHTML:i=>i}):void 0,kt="$lit$",M=`lit$${Math.random().toFixed(9).slice(2)}$`,St="?"+M,vn=`<${St}>`,z=document,ee=()=>z.createComment(""),te=i=>i===null||typeof i!="object"&&typeof i!="function",je=Array.isArray,_n=i=>je(i)||typeof i?.[Symbol.iterator]=="function",Ie=`[ 	
\f\r]`,J=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,bt=/-->/g,yt=/>/g,D=RegExp(`>|${Ie}(?:([^\\s"'>=/]+)(${Ie}*=${Ie}*(?:[^ 	
\f\r"'\`<>=]|("|')|))|$)`,"g"),wt=/'/g,xt=/"/g,Et=/^(?:script|style|textarea|title)$/i,Ke=i=>(e,...t)=>({_$litType$:i,strings:e,values:t}),m=Ke(1),Ct=Ke(2),fi=Ke(3),H=Symbol.for("lit-noChange"),g=Symbol.for("lit-nothing"),$t=new WeakMap,I=z.createTreeWalker(z,129);function At(i,e){if(!je(i)||!i.hasOwnProperty("raw"))throw Error("invalid template strings array");return _t!==void 0?_t.createHTML(e):e}var bn=(i,e)=>{let t=i.length-1,n=[],s,r=e===2?"<svg>":e===3?"<math>":"",o=J;for(let a=0;a<t;a++){let l=i[a],c,h,d=-1,u=0;for(;u<l.length&&(o.lastIndex=u,h=o.exec(l),h!==null);)u=o.lastIndex,o===J?h[1]==="!--"?o=bt:h[1]!==void 0?o=yt:h[2]!==void 0?(Et.test(h[2])&&(s=RegExp("</"+h[2],"g")),o=D):h[3]!==void 0&&(o=D):o===D?h[0]===">"?(o=s??J,d=-1):h[1]===void 0?d=-2:(d=o.lastIndex-h[2].length,c=h[1],o=h[3]===void 0?D:h[3]==='"'?xt:wt):o===xt||o===wt?o=D:o===bt||o===yt?o=J:(o=D,s=void 0);let f=o===D&&i[a+1].startsWith("/>")?" ":"";r+=o===J?l+vn:d>=0?(n.push(c),l.slice(0,d)+kt+l.slice(d)+M+f):l+M+(d===-2?a:f)}return[At(i,r+(i[t]||"<?>")+(e===2?"</svg>":e===3?"</math>":"")),n]},ne=class i{constructor({strings:e,_$litType$:t},n){let s;this.parts=[];let r=0,o=0,a=e.length-1,l=this.parts,[c,h]=bn(e,t);if(this.el=i.createElement(c,n),I.currentNode=this.el.content,t===2||t===3){let d=this.el.content.firstChild;d.replaceWith(...d.childNodes)}for(;(s=I.nextNode())!==null&&l.length<a;){if(s.nodeType===1){if(s.hasAttributes())for(let d of s.getAttributeNames())if(d.endsWith(kt)){let u=h[o++],f=s.getAttribute(d).split(M),p=/([.?@])?(.*)/.exec(u);l.push({type:1,index:r,name:p[2],strings:f,ctor:p[1]==="."?He:p[1]==="?"?Ne:p[1]==="@"?Ue:V}),s.removeAttribute(d)}else d.startsWith(M)&&(l.push({type:6,index:r}),s.removeAttribute(d));if(Et.test(s.tagName)){let d=s.textContent.split(M),u=d.length-1;if(u>0){s.textContent=he?he.emptyScript:"";for(let f=0;f<u;f++)s.append(d[f],ee()),I.nextNode(),l.push({type:2,index:++r});s.append(d[u],ee())}}}else if(s.nodeType===8)if(s.data===St)l.push({type:2,index:r});else{let d=-1;for(;(d=s.data.indexOf(M,d+1))!==-1;)l.push({type:7,index:r}),d+=M.length-1}r++}}static createElement(e,t){let n=z.createElement("template");return n.innerHTML=e,n}};function W(i,e,t=i,n){if(e===H)return e;let s=n!==void 0?t._$Co?.[n]:t._$Cl,r=te(e)?void 0:e._$litDirective$;return s?.constructor!==r&&(s?._$AO?.(!1),r===void 0?s=void 0:(s=new r(i),s._$AT(i,t,n)),n!==void 0?(t._$Co??=[])[n]=s:t._$Cl=s),s!==void 0&&(e=W(i,s._$AS(i,e.values),s,n)),e}var ze=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,s=(e?.creationScope??z).importNode(t,!0);I.currentNode=s;let r=I.nextNode(),o=0,a=0,l=n[0];for(;l!==void 0;){if(o===l.index){let c;l.type===2?c=new ie(r,r.nextSibling,this,e):l.type===1?c=new l.ctor(r,l.name,l.strings,this,e):l.type===6&&(c=new Be(r,this,e)),this._$AV.push(c),l=n[++a]}o!==l?.index&&(r=I.nextNode(),o++)}return I.currentNode=z,s}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings!==void 0?(n._$AI(e,n,t),t+=n.strings.length-2):n._$AI(e[t])),t++}},ie=class i{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,s){this.type=2,this._$AH=g,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=s,this._$Cv=s?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=W(this,e,t),te(e)?e===g||e==null||e===""?(this._$AH!==g&&this._$AR(),this._$AH=g):e!==this._$AH&&e!==H&&this._(e):e._$litType$!==void 0?this.$(e):e.nodeType!==void 0?this.T(e):_n(e)?this.k(e):this._(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==g&&te(this._$AH)?this._$AA.nextSibling.data=e:this.T(z.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,s=typeof n=="number"?this._$AC(e):(n.el===void 0&&(n.el=ne.createElement(At(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===s)this._$AH.p(t);else{let r=new ze(s,this),o=r.u(this.options);r.p(t),this.T(o),this._$AH=r}}_$AC(e){let t=$t.get(e.strings);return t===void 0&&$t.set(e.strings,t=new ne(e)),t}k(e){je(this._$AH)||(this._$AH=[],this._$AR());let t=this._$AH,n,s=0;for(let r of e)s===t.length?t.push(n=new i(this.O(ee()),this.O(ee()),this,this.options)):n=t[s],n._$AI(r),s++;s<t.length&&(this._$AR(n&&n._$AB.nextSibling,s),t.length=s)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let n=vt(e).nextSibling;vt(e).remove(),e=n}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},V=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,s,r){this.type=1,this._$AH=g,this._$AN=void 0,this.element=e,this.name=t,this._$AM=s,this.options=r,n.length>2||n[0]!==""||n[1]!==""?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=g}_$AI(e,t=this,n,s){let r=this.strings,o=!1;if(r===void 0)e=W(this,e,t,0),o=!te(e)||e!==this._$AH&&e!==H,o&&(this._$AH=e);else{let a=e,l,c;for(e=r[0],l=0;l<r.length-1;l++)c=W(this,a[n+l],t,l),c===H&&(c=this._$AH[l]),o||=!te(c)||c!==this._$AH[l],c===g?e=g:e!==g&&(e+=(c??"")+r[l+1]),this._$AH[l]=c}o&&!s&&this.j(e)}j(e){e===g?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??"")}},He=class extends V{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===g?void 0:e}},Ne=class extends V{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==g)}},Ue=class extends V{constructor(e,t,n,s,r){super(e,t,n,s,r),this.type=5}_$AI(e,t=this){if((e=W(this,e,t,0)??g)===H)return;let n=this._$AH,s=e===g&&n!==g||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,r=e!==g&&(n===g||s);s&&this.element.removeEventListener(this.name,this,n),r&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH=="function"?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},Be=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){W(this,e)}};var yn=Fe.litHtmlPolyfillSupport;yn?.(ne,ie),(Fe.litHtmlVersions??=[]).push("3.3.3");var Pt=(i,e,t)=>{let n=t?.renderBefore??e,s=n._$litPart$;if(s===void 0){let r=t?.renderBefore??null;n._$litPart$=s=new ie(e.insertBefore(ee(),r),r,void 0,t??{})}return s._$AI(i),s};var We=globalThis,E=class extends P{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=Pt(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return H}};E._$litElement$=!0,E.finalized=!0,We.litElementHydrateSupport?.({LitElement:E});var wn=We.litElementPolyfillSupport;wn?.({LitElement:E});(We.litElementVersions??=[]).push("4.2.2");var x="infrafabric";function N(i){return typeof i=="object"&&i!==null&&"message"in i?String(i.message):String(i)}var xn=/^(OBS Studio|vMix)( |$)/,$n=new Set(["stream","stream_number","record","virtual_camera","replay_buffer","external","multicorder","srt","fullscreen","other_output"]),kn="program",Sn=[/^connectivity$/,/^stream_problem$/,/^stream_health$/,/^(stream|stream_number)_bitrate$/,/^(stream|stream_number)_skipped_percent$/,/^(stream|stream_number)_congestion$/,/^(stream|stream_number|record)_duration$/,/^fps$/,/^cpu$/,/^frame_time$/,/^free_disk$/],En=9,Cn=new Set(["unknown","unavailable"]);function An(i){return i.slice(0,i.indexOf("."))}function Ve(i,e){let t=e===void 0?null:i.devices[e]?.model;return t!=null&&xn.test(t)}function U(i,e){let t=new Map;for(let n of Object.values(i.entities)){if(n.platform!==x||n.hidden||!n.device_id||e?.length&&!e.includes(n.device_id)||!Ve(i,n.device_id))continue;let s=t.get(n.device_id);s?s.push(n):t.set(n.device_id,[n])}return[...t].map(([n,s])=>Pn(i,n,s)).sort((n,s)=>n.name.localeCompare(s.name))}function Pn(i,e,t){let n=i.devices[e],s=d=>t.filter(u=>An(u.entity_id)===d),r=d=>d.translation_key??i.states[d.entity_id]?.attributes.device_class??"",o=s("switch").filter(d=>$n.has(r(d))),a=s("sensor"),l=new Map;for(let d of o){let u=o.filter(v=>r(v)===r(d)).length===1,f=`sensor.${d.entity_id.slice(7)}_`,p=a.find(v=>r(v)===`${r(d)}_state`&&(u||v.entity_id.startsWith(f)));p&&l.set(d.entity_id,p.entity_id)}let c=[...s("binary_sensor"),...a].map(d=>({entry:d,rank:Sn.findIndex(u=>u.test(r(d)))})).filter(({entry:d,rank:u})=>{let f=i.states[d.entity_id]?.state;return u>=0&&f!==void 0&&!Cn.has(f)}).sort((d,u)=>d.rank-u.rank),h=d=>s(d).find(u=>r(u)===kn)?.entity_id??null;return{id:e,name:n?.name_by_user??n?.name??"",model:n?.model??"",outputs:o.map(d=>d.entity_id),states:l,health:c.slice(0,En).map(({entry:d})=>d.entity_id),program:h("image"),scene:h("select")}}var qe=20;function Mt(i,e,t){return e===i.wanted?"done":t-i.since>qe*1e3?"late":"waiting"}var Tt={title:"Mesh",card_name:"InfraFabric",card_description:"The mesh as a live picture, its peers, and your studios.",strategy_name:"InfraFabric",strategy_description:"A whole view of your meshes and studios, built by itself.",connecting:"Waiting for the mesh …",unavailable:"The mesh does not run right now. This is how it was.",no_mesh:"There is no mesh here yet. Add InfraFabric under Settings → Devices & services.",failed:"The mesh cannot be shown: {error}",summary:"{mesh}: {total} peers, {connected} connected, {routed} reached over others, {down} unreachable",summary_short:"{connected} of {total} connected",summary_down:"{down} unreachable",picture:"Picture of the mesh",picture_alternative:"The list of peers says the same.",this_node:"this node",peers:"Peers",peers_caption:"Peers of {mesh}. Choose a column's name to sort by it.",no_peers:"Nobody else is in this mesh yet.",no_match:"No peer has that name.",filter:"Find a peer",name:"Name",state:"State",band:"Quality",rtt_ms:"Round trip",path:"Path",last_seen:"Last seen",now:"now",never:"never",page:"Page {page} of {pages}",previous:"Previous page",next:"Next page",open_device:"Open the device of {name}",ms:"{value} ms",loss:"loss {value} %",state_connected:"Connected",state_routed:"Over others",state_down:"Unreachable",band_excellent:"Excellent",band_good:"Good",band_fair:"Fair",band_poor:"Poor",band_critical:"Critical",band_unknown:"Unknown",path_direct_lan:"Direct, local network",path_direct_wan:"Direct, internet",path_turn_udp:"Relay, UDP",path_turn_tcp:"Relay, TCP",path_turn_tls:"Relay, TLS",path_routed:"Over other peers",path_down:"None",legend:"Legend",legend_direct:"direct",legend_relayed:"relayed",legend_routed:"over others",legend_one_end:"reported by one end only",legend_proven:"delivery proven in the last {minutes} minutes",proven_now:"delivery proven just now",proven_ago:"delivery proven {ago}",not_proven:"delivery not proven yet",links_others:"Links with others:",links_both:"reported by both ends {count}",links_one:"reported by one end only {count}",studios:"Studios",no_studios:"There is no studio here yet.",outputs:"Outputs",health:"Health",program:"Program of {studio}",on:"On",off:"Off",unknown:"Unknown",pending_on:"Switching on …",pending_off:"Switching off …",toggle_failed:"{name} could not be switched: {error}",toggle_late:"{name} has not answered yet.",invite:"Invite",invite_title:"Invite a peer to {mesh}",invite_role:"What the new peer may do",role_observe:"Observe: link and send information",role_command:"Command: also send requests",role_admin:"Admin: also invite and remove peers",invite_expiry:"Open for",expiry_hour:"One hour",expiry_day:"One day",expiry_week:"One week",invite_create:"Create invitation",invite_creating:"Creating …",invite_failed:"No invitation was made: {error}",invite_code:"Paste this text on the other side, or scan the code",invite_secret:"Whoever has it can join, once. Give it to nobody else.",invite_qr:"QR code of the invitation",invite_until:"Open until {time}",invite_over:"This invitation has expired.",invite_fingerprint:"The other side shows this fingerprint. Compare it: {fingerprint}",invite_joined:"{name} has joined. Compare its check groups on both screens.",invite_cancel:"Cancel invitation",invite_cancelled:"The invitation is cancelled.",copy:"Copy",copied:"Copied",copy_failed:"Copying did not work. Select the text and copy it yourself.",close:"Close",option_entry_id:"Mesh",option_title:"Title",option_show_picture:"Show the picture of the mesh",option_show_peers:"Show the list of peers",option_show_studios:"Show the studios",option_show_invite:"Show the invite button (to admins)",option_studios:"Studios",help_entry_id:"Needed only with more than one mesh.",help_studios:"Without a choice, all of them.",view_history:"What happened"},Mn={title:"Mesh",card_name:"InfraFabric",card_description:"Das Mesh als lebendiges Bild, seine Peers und Ihre Studios.",strategy_name:"InfraFabric",strategy_description:"Eine ganze Ansicht Ihrer Meshes und Studios, von selbst gebaut.",connecting:"Warte auf das Mesh …",unavailable:"Das Mesh läuft gerade nicht. So war es zuletzt.",no_mesh:"Hier gibt es noch kein Mesh. Fügen Sie InfraFabric unter Einstellungen → Geräte & Dienste hinzu.",failed:"Das Mesh kann nicht gezeigt werden: {error}",summary:"{mesh}: {total} Peers, {connected} verbunden, {routed} über andere erreicht, {down} unerreichbar",summary_short:"{connected} von {total} verbunden",summary_down:"{down} unerreichbar",picture:"Bild des Meshes",picture_alternative:"Die Liste der Peers sagt dasselbe.",this_node:"dieser Knoten",peers:"Peers",peers_caption:"Peers von {mesh}. Der Name einer Spalte sortiert nach ihr.",no_peers:"Noch ist niemand sonst in diesem Mesh.",no_match:"Kein Peer heißt so.",filter:"Peer suchen",name:"Name",state:"Zustand",band:"Qualität",rtt_ms:"Umlaufzeit",path:"Weg",last_seen:"Zuletzt gesehen",now:"jetzt",never:"nie",page:"Seite {page} von {pages}",previous:"Vorige Seite",next:"Nächste Seite",open_device:"Gerät von {name} öffnen",ms:"{value} ms",loss:"Verlust {value} %",state_connected:"Verbunden",state_routed:"Über andere",state_down:"Unerreichbar",band_excellent:"Ausgezeichnet",band_good:"Gut",band_fair:"Mäßig",band_poor:"Schlecht",band_critical:"Kritisch",band_unknown:"Unbekannt",path_direct_lan:"Direkt, lokales Netz",path_direct_wan:"Direkt, Internet",path_turn_udp:"Relay, UDP",path_turn_tcp:"Relay, TCP",path_turn_tls:"Relay, TLS",path_routed:"Über andere Peers",path_down:"Keiner",legend:"Legende",legend_direct:"direkt",legend_relayed:"über Relay",legend_routed:"über andere",legend_one_end:"nur von einem Ende gemeldet",legend_proven:"Zustellung in den letzten {minutes} Minuten belegt",proven_now:"Zustellung gerade belegt",proven_ago:"Zustellung {ago} belegt",not_proven:"Zustellung noch nicht belegt",links_others:"Links mit anderen:",links_both:"von beiden Enden gemeldet {count}",links_one:"nur von einem Ende gemeldet {count}",studios:"Studios",no_studios:"Hier gibt es noch kein Studio.",outputs:"Ausgaben",health:"Zustand",program:"Programm von {studio}",on:"Ein",off:"Aus",unknown:"Unbekannt",pending_on:"Wird eingeschaltet …",pending_off:"Wird ausgeschaltet …",toggle_failed:"{name} ließ sich nicht schalten: {error}",toggle_late:"{name} hat noch nicht geantwortet.",invite:"Einladen",invite_title:"Einen Peer zu {mesh} einladen",invite_role:"Was der neue Peer darf",role_observe:"Beobachten: verbinden und informieren",role_command:"Befehlen: auch um etwas bitten",role_admin:"Verwalten: auch Peers einladen und entfernen",invite_expiry:"Offen für",expiry_hour:"Eine Stunde",expiry_day:"Einen Tag",expiry_week:"Eine Woche",invite_create:"Einladung erstellen",invite_creating:"Wird erstellt …",invite_failed:"Es wurde keine Einladung erstellt: {error}",invite_code:"Fügen Sie diesen Text auf der anderen Seite ein, oder scannen Sie den Code",invite_secret:"Wer ihn hat, kann beitreten, einmal. Geben Sie ihn sonst niemandem.",invite_qr:"QR-Code der Einladung",invite_until:"Offen bis {time}",invite_over:"Diese Einladung ist abgelaufen.",invite_fingerprint:"Die andere Seite zeigt diesen Fingerabdruck. Vergleichen Sie ihn: {fingerprint}",invite_joined:"{name} ist beigetreten. Vergleichen Sie die Prüfgruppen auf beiden Bildschirmen.",invite_cancel:"Einladung zurückziehen",invite_cancelled:"Die Einladung ist zurückgezogen.",copy:"Kopieren",copied:"Kopiert",copy_failed:"Kopieren ging nicht. Markieren Sie den Text und kopieren Sie ihn selbst.",close:"Schließen",option_entry_id:"Mesh",option_title:"Titel",option_show_picture:"Das Bild des Meshes zeigen",option_show_peers:"Die Liste der Peers zeigen",option_show_studios:"Die Studios zeigen",option_show_invite:"Den Knopf zum Einladen zeigen (Administratoren)",option_studios:"Studios",help_entry_id:"Nur bei mehr als einem Mesh nötig.",help_studios:"Ohne Auswahl alle.",view_history:"Was geschah"},Tn={title:"Maillage",card_name:"InfraFabric",card_description:"Le maillage en image vivante, ses pairs et vos studios.",strategy_name:"InfraFabric",strategy_description:"Une vue entière de vos maillages et studios, construite toute seule.",connecting:"En attente du maillage …",unavailable:"Le maillage ne fonctionne pas en ce moment. Voici son dernier état.",no_mesh:"Il n'y a pas encore de maillage ici. Ajoutez InfraFabric sous Paramètres → Appareils et services.",failed:"Le maillage ne peut pas être affiché : {error}",summary:"{mesh} : {total} pairs, {connected} connectés, {routed} joints par d'autres, {down} injoignables",summary_short:"{connected} sur {total} connectés",summary_down:"{down} injoignables",picture:"Image du maillage",picture_alternative:"La liste des pairs dit la même chose.",this_node:"ce nœud",peers:"Pairs",peers_caption:"Pairs de {mesh}. Le nom d'une colonne trie selon elle.",no_peers:"Personne d'autre n'est encore dans ce maillage.",no_match:"Aucun pair ne porte ce nom.",filter:"Chercher un pair",name:"Nom",state:"État",band:"Qualité",rtt_ms:"Aller-retour",path:"Chemin",last_seen:"Vu",now:"maintenant",never:"jamais",page:"Page {page} sur {pages}",previous:"Page précédente",next:"Page suivante",open_device:"Ouvrir l'appareil de {name}",ms:"{value} ms",loss:"perte {value} %",state_connected:"Connecté",state_routed:"Par d'autres",state_down:"Injoignable",band_excellent:"Excellente",band_good:"Bonne",band_fair:"Moyenne",band_poor:"Mauvaise",band_critical:"Critique",band_unknown:"Inconnue",path_direct_lan:"Direct, réseau local",path_direct_wan:"Direct, internet",path_turn_udp:"Relais, UDP",path_turn_tcp:"Relais, TCP",path_turn_tls:"Relais, TLS",path_routed:"Par d'autres pairs",path_down:"Aucun",legend:"Légende",legend_direct:"direct",legend_relayed:"par relais",legend_routed:"par d'autres",legend_one_end:"signalé par un seul bout",legend_proven:"livraison prouvée dans les {minutes} dernières minutes",proven_now:"livraison prouvée à l'instant",proven_ago:"livraison prouvée {ago}",not_proven:"livraison pas encore prouvée",links_others:"Liens avec d'autres :",links_both:"signalés par les deux bouts {count}",links_one:"signalés par un seul bout {count}",studios:"Studios",no_studios:"Il n'y a pas encore de studio ici.",outputs:"Sorties",health:"Santé",program:"Programme de {studio}",on:"Activé",off:"Désactivé",unknown:"Inconnu",pending_on:"Activation …",pending_off:"Désactivation …",toggle_failed:"{name} n'a pas pu être commuté : {error}",toggle_late:"{name} n'a pas encore répondu.",invite:"Inviter",invite_title:"Inviter un pair dans {mesh}",invite_role:"Ce que le nouveau pair peut faire",role_observe:"Observer : se relier et informer",role_command:"Commander : aussi demander",role_admin:"Administrer : aussi inviter et retirer des pairs",invite_expiry:"Ouverte pendant",expiry_hour:"Une heure",expiry_day:"Un jour",expiry_week:"Une semaine",invite_create:"Créer l'invitation",invite_creating:"Création …",invite_failed:"Aucune invitation n'a été créée : {error}",invite_code:"Collez ce texte de l'autre côté, ou scannez le code",invite_secret:"Qui l'a peut entrer, une fois. Ne le donnez à personne d'autre.",invite_qr:"Code QR de l'invitation",invite_until:"Ouverte jusqu'au {time}",invite_over:"Cette invitation a expiré.",invite_fingerprint:"L'autre côté affiche cette empreinte. Comparez-la : {fingerprint}",invite_joined:"{name} est entré. Comparez ses groupes de contrôle sur les deux écrans.",invite_cancel:"Annuler l'invitation",invite_cancelled:"L'invitation est annulée.",copy:"Copier",copied:"Copié",copy_failed:"La copie n'a pas marché. Sélectionnez le texte et copiez-le vous-même.",close:"Fermer",option_entry_id:"Maillage",option_title:"Titre",option_show_picture:"Afficher l'image du maillage",option_show_peers:"Afficher la liste des pairs",option_show_studios:"Afficher les studios",option_show_invite:"Afficher le bouton d'invitation (aux administrateurs)",option_studios:"Studios",help_entry_id:"Nécessaire seulement avec plusieurs maillages.",help_studios:"Sans choix, tous.",view_history:"Ce qui s'est passé"},Rn={en:Tt,de:Mn,fr:Tn};function S(i){return Rn[(i??"en").split("-")[0]?.toLowerCase()??"en"]??Tt}function y(i,e){return i.replace(/\{(\w+)\}/g,(t,n)=>String(e[n]??t))}var q="infrafabric-card",Rt={show_picture:!0,show_peers:!0,show_studios:!0,show_invite:!0},Ot=Object.keys(Rt);function Ge(i){for(let t of Ot)if(i[t]!==void 0&&typeof i[t]!="boolean")throw new Error(`${t} must be true or false`);for(let t of["entry_id","title"])if(i[t]!==void 0&&typeof i[t]!="string")throw new Error(`${t} must be text`);let{studios:e}=i;if(e!==void 0&&!(Array.isArray(e)&&e.every(t=>typeof t=="string")))throw new Error("studios must be a list of device ids");return{...Rt,...i}}function Lt(){let i=()=>S(document.documentElement.lang);return{schema:[{name:"title",selector:{text:{}}},{name:"entry_id",selector:{config_entry:{integration:x}}},{type:"grid",name:"",schema:Ot.map(e=>({name:e,default:!0,selector:{boolean:{}}}))},{name:"studios",selector:{device:{multiple:!0,filter:[{integration:x,manufacturer:"OBS Project"},{integration:x,manufacturer:"StudioCoast"}]}}}],computeLabel:e=>i()[`option_${e.name}`],computeHelper:e=>i()[`help_${e.name}`],assertConfig:e=>{Ge(e)}}}function Dt(i,e){let t=i.entities[e];if(t?.platform!==x||!t.device_id)return null;let n=`custom:${q}`;if(Ve(i,t.device_id))return{config:{type:n,show_picture:!1,show_peers:!1,show_invite:!1,studios:[t.device_id]}};let s=i.devices[t.device_id],r=s?.primary_config_entry??s?.config_entries?.[0];return{config:{type:n,...r?{entry_id:r}:{},show_studios:!1}}}var F=["excellent","good","fair","poor","critical","unknown"];function ue(i,e,t,n){let{connection:s}=i,r=0,o=null,a,l=()=>{r+=1,clearTimeout(a),o?.().catch(()=>{}),o=null},c=()=>{l();let d=r;s.subscribeMessage(u=>{d===r&&t(u)},{type:"infrafabric/mesh/subscribe",...e?{entry_id:e}:{}},{resubscribe:!1}).then(u=>{d===r?o=u:u().catch(()=>{})},u=>{d===r&&(n(u),a=setTimeout(c,5e3))})},h=()=>{o=null,l(),t({type:"unavailable"})};return s.addEventListener("ready",c),s.addEventListener("disconnected",h),c(),()=>{s.removeEventListener("ready",c),s.removeEventListener("disconnected",h),l()}}var It=2**20;function Ze(i,e){return i<e?i*It+e:e*It+i}var B=class{constructor(){this.node=null;this.peers=new Map;this.links=new Map;this.available=!1;this.shape=0;this.version=0}apply(e){switch(this.version+=1,e.type){case"unavailable":this.available=!1;return;case"snapshot":this.available=!0,this.node=e.node,this.peers.clear(),this.links.clear();for(let t of e.peers)this.peers.set(t.n,t);for(let t of e.links)this.setLink(t);this.shape+=1;return;case"changes":this.change(e)}}change(e){let t=!1;e.node&&(this.node=e.node);for(let n of e.peers??[])t||=!this.peers.has(n.n),this.peers.set(n.n,n);for(let n of e.peers_removed??[])t=this.peers.delete(n)||t;for(let n of e.links??[])t=this.setLink(n)||t;for(let[n,s]of e.links_removed??[])t=this.links.delete(Ze(n,s))||t;t&&(this.shape+=1)}setLink([e,t,n,s,r,o,a]){let l=Ze(e,t),c=this.links.has(l);return this.links.set(l,{a:e,b:t,rtt_ms:n,path:s,band:r,own:o==="own",says:o,proven:a}),!c}ownLink(e){return this.node?this.links.get(Ze(this.node.n,e)):void 0}counts(){let e={connected:0,routed:0,down:0};for(let t of this.peers.values())e[t.state]+=1;return e}};var On=[.2,.375,.5555555555555556,.6666666666666666],Ln=(i,e)=>t=>{let n=4*i+t-4,s="*-04-39?2$%%$%%'$%''%'''%')(%'))%(++'(++'(+.'+-.',/3',33)-/5)-43).36)058*18<+37<+4:<,4:E,5<A-7>C/8@F/:EH/<EK0=FM1?IP2@KS3BNV4DPY5FS\\6HV_6IXb7K[e8N^i9Pam;Rdp<Tgt".charCodeAt(n)-35,r=n>8?s:1,o=e/r|0,a=e%r,l=r-a,c=n>8?o*On[t]+(i>5)&-2:s,h=o-c;return{t:l*h+a*h+a,o:[[l,h],[a,h+1]],i:c}};var j=i=>new Uint8Array(i),se=i=>{let e=new Error(`lean-qr error ${i}`);throw e.code=i,e},pe=i=>"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".indexOf(i),Xe=i=>i.charCodeAt(0),Nt=(...i)=>(e,t)=>i.forEach(n=>n(e,t)),Ut=i=>e=>{e.eci!==i&&(e.push(7,4),i<128?e.push(i,8):i<16384?e.push(32768|i,16):e.push(12582912|i,24),e.eci=i)},et=i=>(e,t)=>{e.push(4,4),e.push(i.length,8+8*(t>9)),i.forEach(n=>e.push(n,8))},Z=(i,e,t,n,s=(o,a)=>t(o.length,a),r=n?o=>Nt(Ut(n),i(o)):i)=>(r.test=e,r.l=t,r.est=s,r.eci=n&&[n],r),Bt=Z(i=>(e,t)=>{e.push(1,4),e.push(i.length,10+2*(t>26)+2*(t>9));let n=0;for(;n<i.length-2;n+=3)e.push(+i.slice(n,n+3),10);n<i.length-1?e.push(+i.slice(n),7):n<i.length&&e.push(+i[n],4)},i=>/[0-9]/.test(i),(i,e)=>14+2*(e>26)+2*(e>9)+10*i/3),Ft=Z(i=>(e,t)=>{e.push(2,4),e.push(i.length,9+2*(t>26)+2*(t>9));let n=0;for(;n<i.length-1;n+=2)e.push(45*pe(i[n])+pe(i[n+1]),11);n<i.length&&e.push(pe(i[n]),6)},i=>pe(i)>=0,(i,e)=>13+2*(e>26)+2*(e>9)+5.5*i),G=Z(i=>et([...i].map(Xe)),i=>Xe(i)<128,(i,e)=>12+8*(e>9)+8*i);G._=!0,G.u=!0;var tt=Z(G,i=>Xe(i)<256,G.l,3);tt._=!0;var zt=new TextEncoder,nt=Z(i=>et(zt.encode(i)),()=>1,0,26,(i,e)=>12+8*(e>9)+8*zt.encode(i).length);nt._=!0;var Qe=()=>{let i=new Map,e=new TextDecoder("sjis"),t=j(2);for(let n=0;n<7973;++n)t[0]=n/192+129+64*(n>5951),t[1]=n%192+64,i.set(e.decode(t),n);return i.delete("�"),Qe=()=>i,i},it=Z(i=>(e,t)=>{e.push(8,4),e.push(i.length,8+2*(t>26)+2*(t>9));for(let n of i)e.push(Qe().get(n),13)},i=>Qe().has(i),(i,e)=>12+2*(e>26)+2*(e>9)+13*i);it._=!0;var jt=[Bt,Ft,G,tt,it,nt],Dn={auto:(i,{modes:e=jt}={})=>(t,n)=>{let s=e.map((h,d)=>{let u=new Map,f=(p,v)=>(u.has(p)||u.set(p,v(p,n)),u.get(p));return{m:h,h:1<<d,C:h.est("",n),S:h.l?(p,v)=>f(v-p,h.l):(p,v)=>f(i.slice(p,v),h.est)}}),r=[{v:0}],o=0,a=0,l=-1;for(let h of[...i,""]){let d=0;if(h)for(let u of s)u.m.test(h)&&(d|=u.h);if(!h||d!==l){if(l!==-1){let u=new Set(r.map(p=>p.D)),f=[];for(let{m:p,C:v,S:w,h:_}of s)if(l&_){let b=w(o,a);for(let A of p.eci??u)if(!p.u||!A){let $;for(let k of r)if(k.D===A||p.eci){let K=k.m===p&&k.D===A,O=K?k.V:k,L=p._&&K?k.v+b-v:O.v+12*(O.D!==A)+(K?w(K?k.$:o,a):b);(!$||L<$.v)&&($={$:K?k.$:o,V:O,m:p,D:A,A:a,v:L})}$&&f.push($)}}r=f}l=d,o=a}a+=h.length}r.length||se(5);let c=[];for(let h=r.reduce((d,u)=>u.v<d.v?u:d);h.m;h=h.V)c.push(h.m(i.slice(h.$,h.A)));c.reverse().forEach(h=>h(t,n))},multi:Nt,eci:Ut,bytes:et,numeric:Bt,alphaNumeric:Ft,ascii:G,iso8859_1:tt,shift_jis:it,utf8:nt},In=()=>({F:j(2956),I:0,push(i,e){for(let t=e,n=8-(7&this.I);t>0;t-=n,n=8)this.F[this.I>>3]|=i<<n>>t,this.I+=t<n?t:n}}),Ye=(i,e=i*i,t=j(e))=>({size:i,K:t,get:(n,s)=>n>=0&&n<i&&!!(1&t[s*i+n]),toString({on:n="##",off:s="  ",lf:r=`
`,pad:o=4,padX:a=o,padY:l=o}={}){let c="";for(let h=-l;h<i+l;++h){for(let d=-a;d<i+a;++d)c+=this.get(d,h)?n:s;c+=r}return c},toImageData(n,{on:s=[0,0,0],off:r=[0,0,0,0],pad:o=4,padX:a=o,padY:l=o}={}){let c=i+2*a,h=i+2*l,d=n.createImageData(c,h),u=new Uint32Array(d.data.buffer);d.data.set([...s,255]);let f=u[0];d.data.set([...r,255]);let p=u[0];for(let v=0;v<h;++v)for(let w=0;w<c;++w)u[v*c+w]=this.get(w-a,v-l)?f:p;return d},toCanvas(n,s){let r=n.getContext("2d"),o=this.toImageData(r,s);n.width=o.width,n.height=o.height,r.putImageData(o,0,0)},toDataURL({type:n="image/png",scale:s=1,...r}={}){let o=document.createElement("canvas"),a=o.getContext("2d"),l=this.toImageData(a,r);return o.width=l.width*s,o.height=l.height*s,a.putImageData(l,0,0),a.imageSmoothingEnabled=!1,a.globalCompositeOperation="copy",a.drawImage(o,0,0,l.width,l.height,0,0,o.width,o.height),o.toDataURL(n,1)}}),fe=[(i,e)=>1&(i^e),(i,e)=>1&e,i=>i%3,(i,e)=>(i+e)%3,(i,e)=>1&(i/3^e>>1),(i,e)=>(i&e&1)+i*e%3,(i,e)=>(i&e)+i*e%3&1,(i,e)=>(i^e)+i*e%3&1],me=j(511);for(let i=0,e=1;i<255;e=2*e^285*(e>127))me[me[e+255]=i++]=e;var Kt=i=>me[i%255],Wt=i=>me[i+255],zn=(i,e)=>{let t=j(i.length+e.length-1);for(let n=0;n<i.length;++n)for(let s=0;s<e.length;++s)t[n+s]^=Kt(i[n]+e[s]);return t.map(Wt)},Hn=(i,e)=>{let t=j(i.length+e.length-1);t.set(i,0);for(let n=0;n<i.length;++n)if(t[n]){let s=Wt(t[n]);for(let r=0;r<e.length;++r)t[n+r]^=Kt(e[r]+s)}return t.slice(i.length)},Je=[[0],[0,0]];for(let i=1;i<30;++i)Je.push(zn(Je[i],[0,i]));var Nn=(i,e)=>{let t=[[],[]],n=0,s=0;for(let[o,a]of e.o)for(let l=0;l<o;++l,n+=a){let c=i.slice(n,n+a);t[0].push(c),t[1].push(Hn(c,Je[e.i])),s+=a+e.i}let r=j(s);s=0;for(let o of t)for(let a=0,l=-1;l<s;++a){l=s;for(let c of o)a<c.length&&(r[s++]=c[a])}return r},Vt=(i,e,t)=>{let n=i<<=t;for(let s=134217728;s>>=1;)n&s&&(n^=e*(s>>t));return n|i},Un=({size:i,K:e},t)=>{let n=(o,a,l,c)=>{for(;l-- >0;o+=i)e.fill(c,o,o+a)},s=(o,a,l)=>{for(let c=0;c++<3;l-=2)n(a*i+o-(l>>1)*(i+1),l,l,2|c)},r=2*((i-13)/(1+(t/7|0))/2+.75|0);if(t>1)for(let o=i-7;o>8;o-=r){for(let a=o;a>8;a-=r)s(o,a,5);o<i-7&&s(o,6,5)}if(t>6)for(let o=Vt(t,7973,12),a=1;a<7;++a)for(let l=12;l-- >9;o>>=1)e[a*i-l]=2|1&o;n(7,2,9,2),n(i-8,8,9,2);for(let o=0;o<i;++o)e[6*i+o]=3^1&o;s(3,3,7),s(i-4,3,7);for(let o=0;o<i;++o)for(let a=o;a<i;++a)e[a*i+o]=e[o*i+a];e[(i-8)*i+8]=3},Bn=({size:i,K:e})=>{let t=[];for(let n=i-2,s=i,r=-1;n>=0;n-=2){for(n===5&&(n=4);s+=r,s!==-1&&s!==i;){let o=s*i+n;e[o+1]||t.push(o+1),e[o]||t.push(o)}r*=-1}return t},Fn=({K:i},e,t)=>e.forEach((n,s)=>i[n]=t[s>>3]>>(7&~s)&1),jn=({size:i,K:e},t,n,s)=>{for(let o=0;o<i;++o)for(let a=0;a<i;++a){let l=o*i+a;e[l]^=!(t(a,o)||2&e[l])}let r=21522^Vt((1^s)<<3|n,1335,10);for(let o=0;o++<8;r>>=1)e[(o-(o<7))*i+8]=1&r,e[9*i-o]=1&r;for(let o=8;--o,r;r>>=1)e[8*i+o-(o<7)]=1&r,e[(i-o)*i+8]=1&r},Kn=({size:i,K:e},t=0,n=0)=>{for(let s=0;s<i;++s){for(let r=0;r<2;++r)for(let o,a=0,l=0,c=2;a<i;++a){let h=1&e[r?s*i+a:a*i+s];n+=h,l=(l>>1|2098176)&(3047517^h-1),2049&l&&(t+=40),h^c&&(o=0),c=h,t+=++o===5?3:o>5}if(s)for(let r=i+s,o=5*e[s-1]^e[s];r<i*i;r+=i){let a=5*e[r-1]^e[r];t+=3*!(1&(o|a)|4&(o^a)),o=a}}return t+10*(10*Math.abs(n/(i*i)-1)|0)},Ht=[],ge=(i=se(1),{minCorrectionLevel:e=0,maxCorrectionLevel:t=3,minVersion:n=1,maxVersion:s=40,mask:r,trailer:o=60433,...a}={})=>{t<e&&se(3),s<n&&se(2),typeof i=="string"&&(i=Dn.auto(i,a));for(let l=n,c=0;l<=s;++l){let h=Ht[l];h||(Ht[l]=h=Ye(4*l+17),Un(h,l),h.p=Bn(h));let d=Ln(l,h.p.length>>3);if(8*d(e).t<c)continue;let u=In();i(u,l),c=u.I;for(let f=t;f>=e;--f){let p=d(f);if(8*p.t<c)continue;for(u.I=c+11&-8;u.I<8*p.t;)u.push(o,16);let v=Ye(h.size,h.K);return Fn(v,h.p,Nn(u.F,p)),(fe[r]?[fe[r]]:fe).map((w,_)=>{let b=Ye(v.size,v.K);return jn(b,w,r??_,f),b.s=fe[r]?0:Kn(b),b}).reduce((w,_)=>_.s<w.s?_:w)}}se(4)};ge.with=(...i)=>(e,t)=>ge(e,{modes:[...jt,...i],...t});var T=C`
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`,R=C`
  button.plain,
  button.main {
    min-height: 36px;
    min-width: 36px;
    padding: 6px 14px;
    font: inherit;
    font-size: 14px;
    cursor: pointer;
    border-radius: 18px;
    border: 1px solid var(--divider-color);
    color: var(--primary-text-color);
    background: var(--secondary-background-color);
  }
  button.main {
    border-color: var(--primary-color);
    font-weight: 500;
  }
  button:disabled {
    cursor: default;
    opacity: 0.5;
  }
  button.plain:focus-visible,
  button.main:focus-visible,
  input:focus-visible,
  select:focus-visible,
  textarea:focus-visible {
    outline: 2px solid var(--primary-color);
    outline-offset: 2px;
  }
`;var Wn=["observe","command","admin"],qt={hour:1,day:24,week:168};function Vn(i){if(typeof i!="object"||i===null)return!1;let{invitation_id:e,invitation:t,expires:n}=i;return[e,t,n].every(s=>typeof s=="string"&&s!=="")}function qn(i){let e=ge(i),t="";for(let n=0;n<e.size;n+=1)for(let s=0;s<e.size;s+=1){if(!e.get(s,n))continue;let r=s+1;for(;r<e.size&&e.get(r,n);)r+=1;t+=`M${s} ${n}h${r-s}v1H${s}z`,s=r}return{path:t,size:e.size}}var ve=class extends E{constructor(){super();this.store=new B;this.unfollow=null;this.made=null;this.known=null;this.opened=0;this.close=()=>this.dialog?.close();this.version=0,this.step="ask",this.notice=""}static{this.properties={hass:{attribute:!1},node:{attribute:!1},version:{state:!0},step:{state:!0},notice:{state:!0}}}get texts(){return S(this.hass.language)}get dialog(){return this.renderRoot.querySelector("dialog")}connectedCallback(){super.connectedCallback(),this.unfollow=ue(this.hass,this.node.entry_id,t=>{this.store.apply(t),this.version=this.store.version},()=>{}),window.addEventListener("popstate",this.close),window.addEventListener("location-changed",this.close)}disconnectedCallback(){super.disconnectedCallback(),window.removeEventListener("popstate",this.close),window.removeEventListener("location-changed",this.close),this.unfollow?.(),this.forget()}firstUpdated(){this.dialog?.showModal()}forget(){clearTimeout(this.timer),this.opened+=1,this.made=null,this.step="ask",this.notice=""}async create(t){t.preventDefault();let n=new FormData(t.target),s=this.opened;this.step="busy",this.notice="",this.known=this.store.node?new Set([...this.store.peers.values()].map(({id:r})=>r)):null;try{let r=await this.hass.callService(x,"create_invitation",{role:n.get("role"),expires_in:{hours:qt[String(n.get("expiry"))]??24}},{device_id:this.node.device_id},!1,!0);if(s!==this.opened)return;if(!Vn(r.response))throw new Error("?");this.made=r.response,this.step="code";let o=new Date(this.made.expires).getTime()-Date.now();this.timer=setTimeout(()=>this.expire(),Math.min(Math.max(0,o),2**31-1)),await this.updateComplete,this.renderRoot.querySelector("textarea")?.focus()}catch(r){if(s!==this.opened)return;this.step="ask",this.notice=y(this.texts.invite_failed,{error:N(r)})}}expire(){this.forget(),this.notice=this.texts.invite_over}async cancel(){let{made:t}=this;if(t)try{await this.hass.callService(x,"cancel_invitation",{invitation_id:t.invitation_id},{device_id:this.node.device_id},!1),this.forget(),this.notice=this.texts.invite_cancelled}catch(n){this.notice=N(n)}}async copy(){let t=this.renderRoot.querySelector("textarea");if(!t||!this.made)return;let n=!1;try{await navigator.clipboard.writeText(this.made.invitation),n=!0}catch{t.select(),n=document.execCommand("copy")}this.notice=n?this.texts.copied:this.texts.copy_failed}joined(){let{known:t}=this;if(this.step!=="code"||!t)return"";let n=[...this.store.peers.values()].find(({id:s})=>!t.has(s));return n?y(this.texts.invite_joined,{name:n.name}):""}render(){let{texts:t}=this;return m`<dialog aria-labelledby="title" @close=${this.remove}>
      <h2 id="title">${y(t.invite_title,{mesh:this.node.mesh})}</h2>
      ${this.step==="code"?this.renderCode():this.renderForm()}
      <p class="notice" role="status">${this.joined()||this.notice}</p>
      <div class="actions">
        ${this.step==="code"?m`<button class="plain" type="button" @click=${this.cancel}>${t.invite_cancel}</button>`:g}
        <button class="plain close" type="button" @click=${this.close}>${t.close}</button>
      </div>
    </dialog>`}renderForm(){let{texts:t}=this,n=this.step==="busy";return m`<form @submit=${this.create}>
      <label>
        <span>${t.invite_role}</span>
        <select name="role">
          ${Wn.map(s=>m`<option value=${s}>${t[`role_${s}`]}</option>`)}
        </select>
      </label>
      <label>
        <span>${t.invite_expiry}</span>
        <select name="expiry">
          ${Object.keys(qt).map(s=>m`<option value=${s} ?selected=${s==="day"}>
                ${t[`expiry_${s}`]}
              </option>`)}
        </select>
      </label>
      <button class="main" type="submit" ?disabled=${n}>
        ${n?t.invite_creating:t.invite_create}
      </button>
    </form>`}renderCode(){let{texts:t,made:n}=this;if(!n)return m``;let{path:s,size:r}=qn(n.invitation),o=new Date(n.expires).toLocaleString(this.hass.language,{dateStyle:"medium",timeStyle:"short"});return m`
      <label>
        <span>${t.invite_code}</span>
        <textarea readonly rows="4" spellcheck="false" .value=${n.invitation}></textarea>
      </label>
      <p class="row">
        <button class="main copy" type="button" @click=${this.copy}>${t.copy}</button>
        <span class="until">${y(t.invite_until,{time:o})}</span>
      </p>
      <p>${t.invite_secret}</p>
      <svg
        class="qr"
        role="img"
        aria-label=${t.invite_qr}
        viewBox="-4 -4 ${r+8} ${r+8}"
        shape-rendering="crispEdges"
      >
        ${Ct`<rect x="-4" y="-4" width=${r+8} height=${r+8} fill="#fff" />
          <path d=${s} fill="#000" />`}
      </svg>
      <p class="fingerprint">
        ${y(t.invite_fingerprint,{fingerprint:this.node.fingerprint})}
      </p>
    `}static{this.styles=[R,T,C`
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
    `]}};function Gt(i,e){let t=document.createElement("infrafabric-invite-dialog");t.hass=i,t.node=e,document.body.append(t)}var Gn=Math.PI*(3-Math.sqrt(5));function Zn(i,e,t){let n=new Map([i,...e].map(a=>[a,[]]));for(let{a,b:l}of t){let c=n.get(a),h=n.get(l);c&&h&&(c.push(l),h.push(a))}let s=new Map([[i,0]]),r=new Map,o=[i];for(let a=0;a<o.length;a+=1){let l=o[a],c=s.get(l)+1;for(let h of n.get(l).sort((d,u)=>d-u))s.has(h)||(s.set(h,c),r.set(h,l),o.push(h))}return{hops:s,parents:r}}function Zt(i,e,t){let n=new Map([[i,{x:0,y:0}]]);if(e.length===0)return{positions:n,room:.5};let{hops:s,parents:r}=Zn(i,e,t),o=[...e].filter(p=>s.has(p)),a=[...e].filter(p=>!s.has(p)),l=[];for(let p of o)(l[s.get(p)-1]??=[]).push(p);a.length&&(e.length<=24?(l[0]??=[]).push(...a):l.push(a));let c=l.some(p=>p.length>24),h=new Map([[i,0]]),d=e.length,u=0,f=1;return l.forEach((p,v)=>{let w=$=>h.get(r.get($)??i)??0,_=[...p].sort(($,k)=>w($)-w(k)||$-k),b=c?Math.sqrt((u+.02*d)/(1.02*d)):0;u+=p.length;let A=c?Math.sqrt((u+.02*d)/(1.02*d)):0;if(_.forEach(($,k)=>{let O=(_.length===2?Math.PI:-Math.PI/2)+(k+v%2/2)*2*Math.PI/_.length,L;if(c){let ln=k*Gn/(2*Math.PI)%1;L=b+(A-b)*(.1+.8*ln)}else L=.92*(v+1)/l.length;h.set($,O),n.set($,{x:L*Math.cos(O),y:L*Math.sin(O)})}),!c){let $=2*Math.PI*.92*(v+1)/l.length;f=Math.min(f,$/_.length/2,.46/l.length)}}),c&&(f=.8/Math.sqrt(d)),{positions:n,room:f}}var Yn=[["day",86400],["hour",3600],["minute",60]];function _e(i,e,t=Date.now()){let n=Math.max(0,(t-i.getTime())/1e3),s=new Intl.RelativeTimeFormat(e,{numeric:"auto"});for(let[r,o]of Yn)if(n>=o)return s.format(-Math.floor(n/o),r);return s.format(-Math.floor(n),"second")}var st=300;function be(i,e=Date.now()){return i.proven!==null&&e/1e3-i.proven<=st}function ye(i,e,t,n=Date.now()){return i.proven===null?e.not_proven:n/1e3-i.proven<60?e.proven_now:y(e.proven_ago,{ago:_e(new Date(i.proven*1e3),t,n)})}function we(i){let e=new Map;for(let{a:t,b:n,own:s,says:r}of i.links.values())if(!s)for(let o of[t,n]){let a=e.get(o);a||e.set(o,a={both:0,one:0}),a[r==="both"?"both":"one"]+=1}return e}function xe(i,e){let t=[];return i?.both&&t.push(y(e.links_both,{count:i.both})),i?.one&&t.push(y(e.links_one,{count:i.one})),t.length?`${e.links_others} ${t.join(", ")}`:""}var Xn={direct:[],relayed:[7,4],routed:[2,4]},Qn=60,Jn=16,Yt=400,rt=12,$e=7,Xt=.3;function ei(i){return i.startsWith("turn")?"relayed":i==="routed"?"routed":"direct"}function oe(i){return i<10?i.toFixed(1):String(Math.round(i))}var ot=class{constructor(){this.cells=new Map}take(e){let t=[];for(let s=Math.floor(e.left/64);s<=Math.floor(e.right/64);s+=1)for(let r=Math.floor(e.top/64);r<=Math.floor(e.bottom/64);r+=1)t.push(s*4096+r);if(t.some(s=>this.cells.get(s)?.some(r=>e.left<r.right&&r.left<e.right&&e.top<r.bottom&&r.top<e.bottom)))return!1;for(let s of t){let r=this.cells.get(s);r?r.push(e):this.cells.set(s,[e])}return!0}},ke=class{constructor(e){this.store=e;this.layout={positions:new Map,room:1};this.shape=-1;this.width=0;this.height=0;this.widths=new Map;this.labelled=[]}resize(e,t){this.width=e,this.height=t}place(){let{node:e,peers:t,links:n}=this.store;this.shape===this.store.shape||!e||(this.shape=this.store.shape,this.layout=Zt(e.n,[...t.keys()].sort((s,r)=>s-r),n.values()))}at(e){let t=this.layout.positions.get(e);if(!t)return;let n=Math.max(32,rt*2.5);return{x:this.width/2+t.x*(this.width/2-n),y:this.height/2+t.y*(this.height/2-n)}}get radius(){let e=Math.min(this.width,this.height)/2-30;return Math.max(2,Math.min(11,this.layout.room*e*.4))}hit(e,t){this.place();let n=Math.max(10,this.radius+4),s=null,r=n*n;for(let o of this.layout.positions.keys()){let a=this.at(o),l=(a.x-e)**2+(a.y-t)**2;l<r&&(r=l,s=o)}return s}draw(e,t,n,s){this.place(),e.clearRect(0,0,this.width,this.height);let{node:r,peers:o}=this.store;if(!r)return;let a=new Map;for(let d of this.layout.positions.keys())a.set(d,this.at(d));this.drawLinks(e,t,a,s),this.drawNodes(e,t,a,s);let l=new ot,c=a.get(r.n),h=this.radius;l.take({left:c.x-14,top:c.y-14,right:c.x+14,bottom:c.y+14}),e.font=`${rt}px ${ni(e)}`,e.textAlign="center",e.textBaseline="top",e.lineJoin="round",this.labelled=[],this.label(e,t,l,c,Math.max(10,h),n.own,t.text,!0);for(let d of ii(o.values(),s)){if(this.labelled.length>Qn)break;let u=a.get(d.n);if(!u)continue;let f=d.state==="down"?t.down:t.text;this.label(e,t,l,u,h,d.name,f,d.n===s)}this.drawRoundTrips(e,t,a,l,n.ms)}drawLinks(e,t,n,s){let{links:r,peers:o,node:a}=this.store,l=r.size>Yt,c=new Map;for(let d of r.values()){let u=n.get(d.a),f=n.get(d.b);if(!u||!f||o.get(d.a)?.state==="down"||o.get(d.b)?.state==="down")continue;let p=d.own||d.a===s||d.b===s,v=ei(d.path),w=d.says==="first"||d.says==="second",_=`${v} ${d.band} ${p} ${w}`,b=c.get(_);b||c.set(_,b={pattern:v,band:d.band,own:p,half:w,lines:[]}),d.says==="second"?b.lines.push(f,u):b.lines.push(u,f)}for(let{pattern:d,band:u,own:f,half:p,lines:v}of[...c.values()].sort((w,_)=>Number(w.own)-Number(_.own))){e.beginPath();for(let w=0;w<v.length;w+=2){let _=v[w],b=v[w+1];if(e.moveTo(_.x,_.y),f||l)p?e.lineTo((_.x+b.x)/2,(_.y+b.y)/2):e.lineTo(b.x,b.y);else{let A=(_.x+b.x)/2+(b.y-_.y)*Xt,$=(_.y+b.y)/2-(b.x-_.x)*Xt;if(p){let k={x:(_.x+2*A+b.x)/4,y:(_.y+2*$+b.y)/4};e.quadraticCurveTo((_.x+A)/2,(_.y+$)/2,k.x,k.y)}else e.quadraticCurveTo(A,$,b.x,b.y)}}e.strokeStyle=t[u],e.globalAlpha=f?1:l?Math.max(.1,.55*Yt/r.size):.55,e.lineWidth=f?2.5:1,e.setLineDash(l&&!f?[]:Xn[d]),e.stroke()}e.setLineDash([]);let h=a&&n.get(a.n);if(!h||o.size>40){e.globalAlpha=1;return}e.beginPath();for(let d of o.values()){let u=n.get(d.n);d.state!=="down"||!u||(e.moveTo(h.x,h.y),e.lineTo(u.x,u.y))}e.strokeStyle=t.down,e.globalAlpha=.35,e.lineWidth=1,e.setLineDash([1,6]),e.stroke(),e.setLineDash([]),e.globalAlpha=1}drawNodes(e,t,n,s){let r=this.radius,o=new Map;for(let c of this.store.peers.values()){let h=n.get(c.n);if(!h)continue;let d=c.state==="down"?t.down:t[c.band],u=o.get(d);u?u.push(h):o.set(d,[h])}for(let[c,h]of o){e.beginPath();for(let{x:d,y:u}of h)e.moveTo(d+r,u),e.arc(d,u,r,0,2*Math.PI);e.fillStyle=c,e.fill(),r>3&&(e.lineWidth=1.5,e.strokeStyle=t.background,e.stroke())}r>4&&this.crossOut(e,t,n,r);let a=this.store.node&&n.get(this.store.node.n);if(a){let c=Math.max(10,r);re(e,a,c+3,t.background,!0),re(e,a,c,t.own,!0),re(e,a,c+3,t.own,!1)}let l=s===null?void 0:n.get(s);l&&re(e,l,r+5,t.text,!1)}crossOut(e,t,n,s){let r=s*.4;e.beginPath();for(let o of this.store.peers.values()){let a=n.get(o.n);o.state!=="down"||!a||(e.moveTo(a.x-r,a.y-r),e.lineTo(a.x+r,a.y+r),e.moveTo(a.x+r,a.y-r),e.lineTo(a.x-r,a.y+r))}e.strokeStyle=t.background,e.lineWidth=2,e.stroke()}label(e,t,n,s,r,o,a,l){let c=o.length>24?`${o.slice(0,23)}…`:o,h=this.widths.get(c);h===void 0&&(this.widths.size>4096&&this.widths.clear(),h=e.measureText(c).width,this.widths.set(c,h));let d=s.y+r+5,u={left:s.x-h/2-3,top:d,right:s.x+h/2+3,bottom:d+rt+3},f=Math.max(0,2-u.left)-Math.max(0,u.right-this.width+2);u.left+=f,u.right+=f,!(!n.take(u)&&!l)&&(this.labelled.push(o),e.lineWidth=3,e.strokeStyle=t.background,e.strokeText(c,s.x+f,d),e.fillStyle=a,e.fillText(c,s.x+f,d))}drawRoundTrips(e,t,n,s,r){let o=[...this.store.links.values()].filter(l=>l.own),a=Date.now();e.textBaseline="middle";for(let l of o){let c=n.get(l.a),h=n.get(l.b);if(!c||!h)continue;let d=be(l,a),u=l.rtt_ms===null||o.length>Jn?"":r(oe(l.rtt_ms));if(!u&&!d)continue;let f=(c.x+h.x)/2,p=(c.y+h.y)/2,v=d?2*$e+4:0,w=u?e.measureText(u).width+8+v:v,_={left:f-w/2,top:p-8,right:f+w/2,bottom:p+8},b=u!==""&&s.take(_);b&&(e.lineWidth=4,e.strokeStyle=t.background,e.strokeText(u,f+v/2,p),e.fillStyle=t.secondary,e.fillText(u,f+v/2,p)),d&&ti(e,{x:b?_.left+$e+4:f,y:p},t)}}};function ti(i,{x:e,y:t},n){re(i,{x:e,y:t},$e+1,n.background,!0),i.lineWidth=1,i.strokeStyle=n.text,i.beginPath(),i.arc(e,t,$e,0,2*Math.PI),i.stroke(),i.lineWidth=1.75,i.beginPath(),i.moveTo(e-3.2,t+.2),i.lineTo(e-.9,t+2.6),i.lineTo(e+3.4,t-2.6),i.stroke()}function re(i,{x:e,y:t},n,s,r){i.beginPath(),i.arc(e,t,n,0,2*Math.PI),r?(i.fillStyle=s,i.fill()):(i.strokeStyle=s,i.lineWidth=2,i.stroke())}function ni(i){return getComputedStyle(i.canvas).fontFamily||"sans-serif"}function ii(i,e){let t=n=>n.n===e?0:n.state==="down"?1:n.state==="connected"?2:3;return[...i].sort((n,s)=>t(n)-t(s)||n.n-s.n)}var ae={excellent:["--success-color","#43a047"],good:["--light-green-color","#8bc34a"],fair:["--amber-color","#ffc107"],poor:["--orange-color","#ff9800"],critical:["--deep-orange-color","#ff6f22"],unknown:["--disabled-text-color","#9e9e9e"]},Se=class extends E{constructor(){super();this.painter=null;this.resizing=null;this.frame=0;this.colours=null;this.hovered=null;this.version=0,this.language="en",this.chosen=null}static{this.properties={store:{attribute:!1},version:{attribute:!1},tick:{attribute:!1},language:{},theme:{attribute:!1},chosen:{attribute:!1}}}get texts(){return S(this.language)}connectedCallback(){super.connectedCallback(),this.resizing=new ResizeObserver(()=>this.redraw()),this.resizing.observe(this)}disconnectedCallback(){super.disconnectedCallback(),this.resizing?.disconnect(),cancelAnimationFrame(this.frame),this.frame=0}updated(t){t.has("store")&&(this.painter=new ke(this.store)),t.has("theme")&&(this.colours=null),this.redraw()}redraw(){this.frame||(this.frame=requestAnimationFrame(()=>{this.frame=0,this.draw()}))}readColours(){let t=getComputedStyle(this),n=(r,o)=>t.getPropertyValue(r).trim()||o;return{...Object.fromEntries(F.map(r=>[r,n(...ae[r])])),text:n("--primary-text-color","#141414"),secondary:n("--secondary-text-color","#5e5e5e"),background:n("--ha-card-background",n("--card-background-color","#fff")),own:n("--primary-color","#009ac7"),down:n("--error-color","#db4437"),line:n("--divider-color","#ddd")}}draw(){let t=this.renderRoot.querySelector("canvas"),n=t?.getContext("2d");if(!t||!n||!this.painter)return;let{clientWidth:s,clientHeight:r}=t;if(!s||!r)return;let o=Math.min(2,window.devicePixelRatio||1);(t.width!==Math.round(s*o)||t.height!==Math.round(r*o))&&(t.width=Math.round(s*o),t.height=Math.round(r*o)),n.setTransform(o,0,0,o,0,0),this.painter.resize(s,r),this.colours??=this.readColours();let{node:a}=this.store;this.painter.draw(n,this.colours,{own:a?`${a.name} (${this.texts.this_node})`:"",ms:l=>y(this.texts.ms,{value:l})},this.hovered??this.chosen)}numberAt(t){return this.painter?.hit(t.offsetX,t.offsetY)??null}move(t){t.pointerType!=="touch"&&this.hover(this.numberAt(t))}hover(t){t!==this.hovered&&(this.hovered=t,this.requestUpdate())}choose(t){let n=this.numberAt(t);this.dispatchEvent(new CustomEvent("peer-chosen",{detail:n,bubbles:!0,composed:!0}))}about(t){let{texts:n}=this,s=t===null?void 0:this.store.peers.get(t);if(!s)return"";let r=[s.name,n[`state_${s.state}`]];if(s.state!=="down"){r.push(n[`path_${s.path}`]??s.path),s.rtt_ms!==null&&r.push(y(n.ms,{value:oe(s.rtt_ms)})),r.push(n[`band_${s.band}`]);let o=s.state==="connected"?this.store.ownLink(s.n):void 0;o&&r.push(ye(o,n,this.language));let a=xe(we(this.store).get(s.n),n);a&&r.push(a)}return r.join(" · ")}render(){let{texts:t,store:n}=this,{connected:s,routed:r,down:o}=n.counts(),a=y(t.summary,{mesh:n.node?.mesh??"",total:n.peers.size,connected:s,routed:r,down:o}),l=this.about(this.hovered??this.chosen);return m`
      <canvas
        role="img"
        aria-label="${t.picture}. ${a}. ${t.picture_alternative}"
        @pointermove=${this.move}
        @pointerleave=${()=>this.hover(null)}
        @click=${this.choose}
      ></canvas>
      ${l?m`<div class="about" aria-hidden="true">${l}</div>`:g}
    `}static{this.styles=C`
    :host {
      display: block;
      position: relative;
      min-height: 200px;
    }
    canvas {
      position: absolute;
      inset: 0;
      width: 100%;
      height: 100%;
      touch-action: pan-y;
    }
    .about {
      position: absolute;
      inset-inline: 8px;
      bottom: 4px;
      width: fit-content;
      max-width: calc(100% - 32px);
      margin: 0 auto;
      padding: 2px 8px;
      border-radius: 8px;
      background: var(--secondary-background-color, #eee);
      color: var(--primary-text-color);
      font-size: 12px;
      pointer-events: none;
    }
  `}};var si=3e4,Ee=class extends E{constructor(){super();this.store=new B;this.wanted="";this.unsubscribe=null;this.version=0,this.tick=0,this.problem=null,this.chosen=null}static{this.properties={hass:{attribute:!1},config:{state:!0},version:{state:!0},tick:{state:!0},problem:{state:!0},chosen:{state:!0}}}setConfig(t){this.config=Ge(t)}static getConfigForm(){return Lt()}static getStubConfig(){return{}}getCardSize(){let{show_picture:t,show_peers:n,show_studios:s}=this.config??{};return 1+(t?6:0)+(n?4:0)+(s?4:0)}getGridOptions(){return{columns:12,min_columns:6,rows:"auto"}}connectedCallback(){super.connectedCallback(),this.clock=setInterval(()=>this.tick+=1,si),this.follow()}disconnectedCallback(){super.disconnectedCallback(),clearInterval(this.clock),this.stop()}willUpdate(t){(t.has("config")||t.has("hass"))&&this.follow()}shouldUpdate(t){if(!this.config)return!1;if(t.size>1||!t.has("hass"))return!0;let n=t.get("hass"),{hass:s}=this;return!n||!s?!0:n.language!==s.language||n.themes!==s.themes||n.user!==s.user||n.entities!==s.entities||n.devices!==s.devices||this.config.show_studios&&this.studioChanged(n,s)}studioChanged(t,n){return U(n,this.config?.studios).some(s=>[...s.outputs,...s.states.values(),...s.health,s.program,s.scene].some(r=>r!==null&&t.states[r]!==n.states[r]))}get needsMesh(){let{config:t}=this;return!!(t&&(t.show_picture||t.show_peers||t.show_invite))}follow(){let{hass:t,config:n}=this;if(!t||!n||!this.isConnected)return;let s=this.needsMesh?`mesh ${n.entry_id??""}`:"nothing";s!==this.wanted&&(this.stop(),this.wanted=s,this.needsMesh&&this.subscribe(t,n.entry_id))}subscribe(t,n){let s=new B;this.store=s,this.version=0,this.problem=null,this.unsubscribe=ue(t,n,r=>{s.apply(r),this.problem=null,this.version=s.version},r=>{let o=typeof r=="object"&&r&&"code"in r?String(r.code):"";this.problem={code:o,text:N(r)}})}stop(){this.unsubscribe?.(),this.unsubscribe=null,this.wanted=""}get texts(){return S(this.hass?.language)}choose(t){let{detail:n}=t;this.chosen=n!==null&&this.store.peers.has(n)?n:null,this.chosen!==null&&this.renderRoot.querySelector("infrafabric-peer-list")?.show(this.chosen)}invite(){this.hass&&this.store.node&&Gt(this.hass,this.store.node)}render(){let{hass:t,config:n,store:s,texts:r}=this;if(!t||!n)return g;let{node:o}=s,a=n.title??o?.mesh??(this.needsMesh?r.title:r.studios),l=n.show_invite&&t.user?.is_admin&&o?.can_invite,c=n.show_studios&&U(t,n.studios).length>0;return m`<ha-card>
      <div class="card">
        <header>
          <h2>${a}</h2>
          ${o?this.renderSummary():g}
          ${l?m`<button class="main invite" ?disabled=${!s.available} @click=${this.invite}>
                ${r.invite}
              </button>`:g}
        </header>
        ${this.needsMesh?this.renderMesh(t,!!c):g}
        ${c||n.show_studios&&!this.needsMesh?m`${this.needsMesh?m`<h3>${r.studios}</h3>`:g}
              <infrafabric-studio-panel .hass=${t} .only=${n.studios}></infrafabric-studio-panel>`:g}
      </div>
    </ha-card>`}renderSummary(){let{connected:t,down:n}=this.store.counts(),s=this.store.peers.size;return m`<span class="summary">
      ${y(this.texts.summary_short,{connected:t,total:s})}${n?m`, <strong>${y(this.texts.summary_down,{down:n})}</strong>`:g}
    </span>`}renderMesh(t,n){let{config:s,store:r,texts:o,problem:a}=this;if(a){if(a.code==="not_found"&&n&&!s?.entry_id)return g;if(a.code==="unknown_command")return m`<p role="status">${o.connecting}</p>`;let l=a.code==="not_found"?o.no_mesh:y(o.failed,{error:a.text});return m`<p role="alert">${l}</p>`}return r.node?m`
      ${r.available?g:m`<p role="status">${o.unavailable}</p>`}
      ${s?.show_picture?m`<infrafabric-mesh-picture
              class=${r.available?"":"past"}
              .store=${r}
              .version=${this.version}
              .tick=${this.tick}
              .language=${t.language}
              .theme=${t.themes}
              .chosen=${this.chosen}
              @peer-chosen=${this.choose}
            ></infrafabric-mesh-picture>
            ${this.renderLegend()}`:g}
      ${s?.show_peers?m`<infrafabric-peer-list
            .store=${r}
            .version=${this.version}
            .tick=${this.tick}
            .language=${t.language}
            .chosen=${this.chosen}
          ></infrafabric-peer-list>`:g}
    `:m`<p role="status">${r.version?o.unavailable:o.connecting}</p>`}renderLegend(){let{texts:t}=this;return m`<ul class="legend" aria-label=${t.legend}>
      ${F.map(n=>{let[s,r]=ae[n];return m`<li>
          <i style="border-top-color: var(${s}, ${r})"></i>${t[`band_${n}`]}
        </li>`})}
      <li><i class="direct"></i>${t.legend_direct}</li>
      <li><i class="relayed"></i>${t.legend_relayed}</li>
      <li><i class="routed"></i>${t.legend_routed}</li>
      <li><i class="half"></i>${t.legend_one_end}</li>
      <li><b class="proven" aria-hidden="true">✓</b>${y(t.legend_proven,{minutes:st/60})}</li>
      <li><b aria-hidden="true">✕</b>${t.state_down}</li>
    </ul>`}static{this.styles=[R,T,C`
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
    `]}};var Qt=["name","state","band","rtt_ms","path","last_seen"],Y=20,ri=["down","routed","connected"];function Jt(i){return i.name.toLocaleLowerCase().replace(/\d+/g,e=>e.padStart(8,"0"))}function oi(i,e){switch(e){case"name":return Jt(i);case"state":return ri.indexOf(i.state);case"band":return i.band==="unknown"?null:i.score??100-20*F.indexOf(i.band);case"rtt_ms":return i.rtt_ms;case"path":return i.path==="down"?null:i.path;case"last_seen":return i.state==="connected"?"9999":i.last_seen}}function at(i,{column:e,descending:t}){let n=t?-1:1,s=[...i].map(r=>({peer:r,value:oi(r,e),name:Jt(r)}));return s.sort((r,o)=>r.value!==o.value?r.value===null?1:o.value===null?-1:r.value<o.value?-n:n:r.name!==o.name?r.name<o.name?-1:1:r.peer.n-o.peer.n),s.map(({peer:r})=>r)}function en(i,e){let t=e.trim().toLocaleLowerCase();return[...i].filter(n=>n.name.toLocaleLowerCase().includes(t))}function tn(i,e){let t=Math.max(1,Math.ceil(i.length/Y)),n=Math.min(Math.max(0,e),t-1);return{items:i.slice(n*Y,(n+1)*Y),page:n,pages:t}}var Ce=class extends E{static{this.properties={store:{attribute:!1},version:{attribute:!1},tick:{attribute:!1},language:{},chosen:{attribute:!1},order:{state:!0},page:{state:!0},text:{state:!0}}}constructor(){super(),this.version=0,this.language="en",this.chosen=null,this.order={column:"name",descending:!1},this.page=0,this.text=""}get texts(){return S(this.language)}show(e){this.text="";let t=at(this.store.peers.values(),this.order).findIndex(n=>n.n===e);t>=0&&(this.page=Math.floor(t/Y))}sort(e){let t=this.order.column===e&&!this.order.descending;this.order={column:e,descending:t},this.page=0}find(e){this.text=e.target.value,this.page=0}open(e){history.pushState(null,"",`/config/devices/device/${e.device_id}`),window.dispatchEvent(new CustomEvent("location-changed",{detail:{replace:!1}}))}when(e){return e.state==="connected"?this.texts.now:e.last_seen?_e(new Date(e.last_seen),this.language):this.texts.never}render(){let{texts:e,store:t}=this;if(t.peers.size===0)return m`<p class="empty">${e.no_peers}</p>`;let n=en(t.peers.values(),this.text),s=we(t),{items:r,page:o,pages:a}=tn(at(n,this.order),this.page);return m`
      ${t.peers.size>Y?m`<label class="find">
            <span>${e.filter}</span>
            <input type="search" .value=${this.text} @input=${this.find} maxlength="64" />
          </label>`:g}
      <div class="scroll" tabindex="0" role="group" aria-label=${e.peers}>
        <table>
          <caption class="hidden">
            ${y(e.peers_caption,{mesh:t.node?.mesh??""})}
          </caption>
          <thead>
            <tr>
              ${Qt.map(l=>this.renderHead(l))}
            </tr>
          </thead>
          <tbody>
            ${r.map(l=>this.renderPeer(l,s.get(l.n)))}
          </tbody>
        </table>
      </div>
      ${n.length===0?m`<p class="empty">${e.no_match}</p>`:g}
      ${a>1?m`<div class="pages">
            <button
              class="plain"
              ?disabled=${o===0}
              aria-label=${e.previous}
              @click=${()=>this.page=o-1}
            >
              ‹
            </button>
            <span role="status">${y(e.page,{page:o+1,pages:a})}</span>
            <button
              class="plain"
              ?disabled=${o===a-1}
              aria-label=${e.next}
              @click=${()=>this.page=o+1}
            >
              ›
            </button>
          </div>`:g}
    `}renderHead(e){let t=this.order.column===e,n=this.order.descending?"descending":"ascending";return m`<th scope="col" class=${e} aria-sort=${t?n:"none"}>
      <button @click=${()=>this.sort(e)}>
        ${this.texts[e]}<span aria-hidden="true"
          >${t?this.order.descending?" ▾":" ▴":""}</span
        >
      </button>
    </th>`}renderPeer(e,t){let{texts:n}=this,s=e.state==="down",r=e.state==="connected"?this.store.ownLink(e.n):void 0,o=s?"":xe(t,n),[a,l]=ae[e.band];return m`<tr
      class="${s?"down":""} ${e.n===this.chosen?"chosen":""}"
      data-peer=${e.id}
    >
      <th scope="row" class="name">
        ${e.device_id?m`<a
              href="/config/devices/device/${e.device_id}"
              aria-label=${y(n.open_device,{name:e.name})}
              @click=${c=>{c.ctrlKey||c.metaKey||c.shiftKey||c.button||(c.preventDefault(),this.open(e))}}
              >${e.name}</a
            >`:e.name}
      </th>
      <td class="state">
        <span class="mark" aria-hidden="true">${s?"✕":"●"}</span>
        ${n[`state_${e.state}`]}
        ${r?m`<small class="more proof"
              >${be(r)?m`<span aria-hidden="true">✓ </span>`:g}${ye(r,n,this.language)}</small
            >`:g}
      </td>
      <td class="band">
        <span class="dot" style="background: var(${a}, ${l})" aria-hidden="true"></span>
        ${n[`band_${e.band}`]}
        ${e.loss_percent?m`<small>${y(n.loss,{value:e.loss_percent})}</small>`:g}
      </td>
      <td class="rtt_ms">
        ${e.rtt_ms===null?"–":y(n.ms,{value:oe(e.rtt_ms)})}
      </td>
      <td class="path">
        ${n[`path_${e.path}`]??e.path}
        ${o?m`<small class="more">${o}</small>`:g}
      </td>
      <td class="last_seen">${this.when(e)}</td>
    </tr>`}static{this.styles=[R,T,C`
      :host {
        display: block;
      }
      .scroll {
        overflow-x: auto;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-size: 14px;
      }
      th,
      td {
        padding: 6px 8px;
        text-align: start;
        border-bottom: 1px solid var(--divider-color);
        white-space: nowrap;
        font-weight: normal;
      }
      .rtt_ms {
        text-align: end;
      }
      thead th {
        padding: 0;
      }
      thead button {
        all: unset;
        box-sizing: border-box;
        width: 100%;
        min-height: 36px;
        padding: 8px;
        cursor: pointer;
        color: var(--secondary-text-color);
        font-weight: 500;
      }
      thead button:focus-visible,
      a:focus-visible,
      .scroll:focus-visible {
        outline: 2px solid var(--primary-color);
        outline-offset: -2px;
        border-radius: 4px;
      }
      .name {
        max-width: 16em;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      a {
        color: var(--primary-text-color);
      }
      .down .state {
        font-weight: 500;
      }
      .mark {
        color: var(--success-color, #43a047);
      }
      .down .mark {
        color: var(--error-color, #db4437);
      }
      .chosen {
        background: var(--secondary-background-color);
      }
      .dot {
        display: inline-block;
        width: 10px;
        height: 10px;
        border-radius: 50%;
      }
      small {
        color: var(--secondary-text-color);
      }
      .more {
        display: block;
        max-width: 20em;
        white-space: normal;
      }
      .find {
        display: flex;
        align-items: center;
        gap: 8px;
        padding-bottom: 8px;
      }
      input {
        flex: 1;
        min-width: 0;
        padding: 8px;
        font: inherit;
        color: var(--primary-text-color);
        background: var(--secondary-background-color);
        border: 1px solid var(--divider-color);
        border-radius: 8px;
      }
      .pages {
        display: flex;
        justify-content: center;
        align-items: center;
        gap: 8px;
        padding-top: 8px;
      }
      .empty {
        color: var(--secondary-text-color);
      }
      @container infrafabric (max-width: 520px) {
        .path,
        .last_seen {
          display: none;
        }
      }
    `]}};var ai="Mesh node",nn="Mesh peer",li=12,lt=i=>({type:`custom:${q}`,grid_options:{columns:"full"},...i}),Ae=(i,...e)=>({type:"grid",column_span:i,cards:e});function sn(i,e,t,n){return Object.values(i.entities).filter(s=>s.platform===x&&!s.hidden&&s.entity_id.startsWith(`${n}.`)&&s.device_id!==void 0&&i.devices[s.device_id]?.model===e&&(s.translation_key===t||!s.translation_key&&i.states[s.entity_id]?.attributes.device_class===t)).map(s=>s.entity_id).sort()}function dt(i){let e=S(i.language),n=Object.values(i.devices).filter(a=>a.model===ai&&Object.values(i.entities).some(l=>l.platform===x&&l.device_id===a.id)).map(a=>{let l=a.primary_config_entry??a.config_entries?.[0];return Ae(2,lt({...l?{entry_id:l}:{},show_studios:!1}))});for(let a of U(i))n.push(Ae(1,lt({title:a.name,show_picture:!1,show_peers:!1,show_invite:!1,studios:[a.id]})));n.length===0&&n.push(Ae(2,lt({})));let s=sn(i,nn,"rtt","sensor").slice(0,li),r=sn(i,nn,"connectivity","binary_sensor"),o=[];return s.length&&o.push({type:"history-graph",hours_to_show:24,entities:s,grid_options:{columns:"full"}}),r.length&&o.push({type:"logbook",hours_to_show:24,target:{entity_id:r},grid_options:{columns:"full",rows:6}}),o.length&&n.push(Ae(2,{type:"heading",heading:e.view_history,icon:"mdi:history"},...o)),{type:"sections",max_columns:4,title:e.card_name,path:x,sections:n}}var Pe=class extends HTMLElement{static async generate(e,t){return dt(t)}static shouldRegenerate(e,t,n){return t.entities===n.entities&&t.devices===n.devices?!1:JSON.stringify(dt(t))!==JSON.stringify(dt(n))}},Me=class extends HTMLElement{static async generate(e){let t=S(document.documentElement.lang);return{title:typeof e.title=="string"?e.title:t.card_name,views:[{title:t.card_name,path:x,icon:"mdi:graph-outline",strategy:{type:`custom:${x}`}}]}}};var Te=class extends E{static{this.properties={hass:{attribute:!1},only:{attribute:!1},pending:{state:!0},notice:{state:!0}}}constructor(){super(),this.pending=new Map,this.notice=""}get texts(){return S(this.hass.language)}disconnectedCallback(){super.disconnectedCallback(),clearTimeout(this.timer),this.pending=new Map}willUpdate(e){e.has("hass")&&this.settle()}settle(){if(this.pending.size===0)return;let e=new Map(this.pending);for(let[t,n]of this.pending){let s=this.hass.states[t],r=Mt(n,s?.state,Date.now());r!=="waiting"&&(e.delete(t),r==="late"&&(this.notice=y(this.texts.toggle_late,{name:ct(s,t)})))}e.size!==this.pending.size&&(this.pending=e)}async toggle(e){let t=this.hass.states[e];if(!t||this.pending.has(e))return;let n=t.state==="on"?"off":"on";this.pending=new Map(this.pending).set(e,{wanted:n,since:Date.now()}),this.notice="",clearTimeout(this.timer),this.timer=setTimeout(()=>this.settle(),qe*1e3+100);try{await this.hass.callService("switch",`turn_${n}`,{},{entity_id:e},!1)}catch(s){let r=new Map(this.pending);r.delete(e),this.pending=r,this.notice=y(this.texts.toggle_failed,{name:ct(t,e),error:N(s)})}}moreInfo(e){this.dispatchEvent(new CustomEvent("hass-more-info",{detail:{entityId:e},bubbles:!0,composed:!0}))}stateText(e){return this.hass.formatEntityState?.(e)??e.state}render(){let e=U(this.hass,this.only),{texts:t}=this;return e.length===0?m`<p class="empty">${t.no_studios}</p>`:m`
      ${e.map(n=>this.renderStudio(n))}
      <p class="notice" role="status">${this.notice}</p>
    `}renderStudio(e){let{texts:t}=this,n=e.scene===null?void 0:this.hass.states[e.scene],s=e.program===null?void 0:this.hass.states[e.program],r=s?.attributes.entity_picture,o=r&&`${r}&state=${encodeURIComponent(s.state)}`;return m`<section aria-labelledby="studio-${e.id}">
      <h3 id="studio-${e.id}">${e.name} <small>${e.model}</small></h3>
      <div class="studio">
        ${o?m`<button class="program" @click=${()=>this.moreInfo(e.program)}>
              <img src=${o} alt=${y(t.program,{studio:e.name})} />
            </button>`:g}
        <div class="facts">
          ${n?m`<p class="scene">${this.stateText(n)}</p>`:g}
          ${e.outputs.length?m`<ul aria-label=${t.outputs}>
                ${e.outputs.map(a=>this.renderOutput(e,a))}
              </ul>`:g}
          ${e.health.length?m`<dl aria-label=${t.health}>
                ${e.health.map(a=>this.renderHealth(e,a))}
              </dl>`:g}
        </div>
      </div>
    </section>`}renderOutput(e,t){let{texts:n}=this,s=this.hass.states[t],r=rn(s,t,e.name),o=s?.state==="on"||s?.state==="off",a=s?.state==="on",l=this.pending.get(t),c=this.hass.states[e.states.get(t)??""],h=c&&o?this.stateText(c):o?a?n.on:n.off:n.unknown,d=l?n[`pending_${l.wanted}`]:h;return m`<li>
      <span class="output" id="output-${t}">${r}</span>
      <span class="life ${a?"on":""}" role="status">${d}</span>
      <button
        role="switch"
        class="switch"
        data-entity=${t}
        aria-labelledby="output-${t}"
        aria-checked=${a?"true":"false"}
        aria-busy=${l?"true":"false"}
        aria-disabled=${l||!o?"true":"false"}
        @click=${()=>o&&void this.toggle(t)}
      >
        <span></span>
      </button>
    </li>`}renderHealth(e,t){let n=this.hass.states[t];return n?m`<div>
      <dt>${rn(n,t,e.name)}</dt>
      <dd>${this.stateText(n)}</dd>
    </div>`:g}static{this.styles=[R,T,C`
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
    `]}};function ct(i,e){return i?.attributes.friendly_name??e}function rn(i,e,t){let n=ct(i,e);return t&&n.startsWith(`${t} `)?n.slice(t.length+1):n}var di={"infrafabric-mesh-picture":Se,"infrafabric-peer-list":Ce,"infrafabric-studio-panel":Te,"infrafabric-invite-dialog":ve,[q]:Ee,[`ll-strategy-dashboard-${x}`]:Me,[`ll-strategy-view-${x}`]:Pe};for(let[i,e]of Object.entries(di))customElements.get(i)||customElements.define(i,e);var Re=S(document.documentElement.lang),on="https://github.com/infrafabric/infrafabric-homeassistant/blob/main/docs/how-to/dashboard-card.md";function an(i,e){i.some(({type:t})=>t===e.type)||i.push(e)}an(window.customCards??=[],{type:q,name:Re.card_name,description:Re.card_description,preview:!0,documentationURL:on,getEntitySuggestion:Dt});an(window.customStrategies??=[],{type:x,strategyType:"dashboard",name:Re.strategy_name,description:Re.strategy_description,documentationURL:on});
