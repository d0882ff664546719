/* InfraFabric card, built from frontend/ (Apache-2.0). Contains Lit (BSD-3-Clause) and lean-qr (MIT). */
var de=globalThis,ce=de.ShadowRoot&&(de.ShadyCSS===void 0||de.ShadyCSS.nativeShadow)&&"adoptedStyleSheets"in Document.prototype&&"replace"in CSSStyleSheet.prototype,De=Symbol(),pt=new WeakMap,Z=class{constructor(e,t,n){if(this._$cssResult$=!0,n!==De)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,t=this.t;if(ce&&e===void 0){let n=t!==void 0&&t.length===1;n&&(e=pt.get(t)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),n&&pt.set(t,e))}return e}toString(){return this.cssText}},ft=s=>new Z(typeof s=="string"?s:s+"",void 0,De),C=(s,...e)=>{let t=s.length===1?s[0]:e.reduce((n,i,r)=>n+(o=>{if(o._$cssResult$===!0)return o.cssText;if(typeof o=="number")return o;throw Error("Value passed to 'css' function must be a 'css' function result: "+o+". Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.")})(i)+s[r+1],s[0]);return new Z(t,s,De)},mt=(s,e)=>{if(ce)s.adoptedStyleSheets=e.map(t=>t instanceof CSSStyleSheet?t:t.styleSheet);else for(let t of e){let n=document.createElement("style"),i=de.litNonce;i!==void 0&&n.setAttribute("nonce",i),n.textContent=t.cssText,s.appendChild(n)}},Ie=ce?s=>s:s=>s instanceof CSSStyleSheet?(e=>{let t="";for(let n of e.cssRules)t+=n.cssText;return ft(t)})(s):s;var{is:hn,defineProperty:un,getOwnPropertyDescriptor:pn,getOwnPropertyNames:fn,getOwnPropertySymbols:mn,getPrototypeOf:gn}=Object,he=globalThis,gt=he.trustedTypes,vn=gt?gt.emptyScript:"",_n=he.reactiveElementPolyfillSupport,Y=(s,e)=>s,ze={toAttribute(s,e){switch(e){case Boolean:s=s?vn:null;break;case Object:case Array:s=s==null?s:JSON.stringify(s)}return s},fromAttribute(s,e){let t=s;switch(e){case Boolean:t=s!==null;break;case Number:t=s===null?null:Number(s);break;case Object:case Array:try{t=JSON.parse(s)}catch{t=null}}return t}},_t=(s,e)=>!hn(s,e),vt={attribute:!0,type:String,converter:ze,reflect:!1,useDefault:!1,hasChanged:_t};Symbol.metadata??=Symbol("metadata"),he.litPropertyMetadata??=new WeakMap;var P=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=vt){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),i=this.getPropertyDescriptor(e,n,t);i!==void 0&&un(this.prototype,e,i)}}static getPropertyDescriptor(e,t,n){let{get:i,set:r}=pn(this.prototype,e)??{get(){return this[t]},set(o){this[t]=o}};return{get:i,set(o){let a=i?.call(this);r?.call(this,o),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??vt}static _$Ei(){if(this.hasOwnProperty(Y("elementProperties")))return;let e=gn(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(Y("finalized")))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(Y("properties"))){let t=this.properties,n=[...fn(t),...mn(t)];for(let i of n)this.createProperty(i,t[i])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[n,i]of t)this.elementProperties.set(n,i)}this._$Eh=new Map;for(let[t,n]of this.elementProperties){let i=this._$Eu(t,n);i!==void 0&&this._$Eh.set(i,t)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let i of n)t.unshift(Ie(i))}else e!==void 0&&t.push(Ie(e));return t}static _$Eu(e,t){let n=t.attribute;return n===!1?void 0:typeof n=="string"?n:typeof e=="string"?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return mt(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),i=this.constructor._$Eu(e,n);if(i!==void 0&&n.reflect===!0){let r=(n.converter?.toAttribute!==void 0?n.converter:ze).toAttribute(t,n.type);this._$Em=e,r==null?this.removeAttribute(i):this.setAttribute(i,r),this._$Em=null}}_$AK(e,t){let n=this.constructor,i=n._$Eh.get(e);if(i!==void 0&&this._$Em!==i){let r=n.getPropertyOptions(i),o=typeof r.converter=="function"?{fromAttribute:r.converter}:r.converter?.fromAttribute!==void 0?r.converter:ze;this._$Em=i;let a=o.fromAttribute(t,r.type);this[i]=a??this._$Ej?.get(i)??a,this._$Em=null}}requestUpdate(e,t,n,i=!1,r){if(e!==void 0){let o=this.constructor;if(i===!1&&(r=this[e]),n??=o.getPropertyOptions(e),!((n.hasChanged??_t)(r,t)||n.useDefault&&n.reflect&&r===this._$Ej?.get(e)&&!this.hasAttribute(o._$Eu(e,n))))return;this.C(e,t,n)}this.isUpdatePending===!1&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:i,wrapped:r},o){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,o??t??this[e]),r!==!0||o!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),i===!0&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(t){Promise.reject(t)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[i,r]of this._$Ep)this[i]=r;this._$Ep=void 0}let n=this.constructor.elementProperties;if(n.size>0)for(let[i,r]of n){let{wrapped:o}=r,a=this[i];o!==!0||this._$AL.has(i)||a===void 0||this.C(i,void 0,r,a)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(n=>n.hostUpdate?.()),this.update(t)):this._$EM()}catch(n){throw e=!1,this._$EM(),n}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(t=>t.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(t=>this._$ET(t,this[t])),this._$EM()}updated(e){}firstUpdated(e){}};P.elementStyles=[],P.shadowRootOptions={mode:"open"},P[Y("elementProperties")]=new Map,P[Y("finalized")]=new Map,_n?.({ReactiveElement:P}),(he.reactiveElementVersions??=[]).push("2.1.2");var Ke=globalThis,bt=s=>s,ue=Ke.trustedTypes,yt=ue?ue.createPolicy("lit-html",{createHTML:s=>s}):void 0,Et="$lit$",T=`lit$${Math.random().toFixed(9).slice(2)}$`,Ct="?"+T,bn=`<${Ct}>`,I=document,J=()=>I.createComment(""),ee=s=>s===null||typeof s!="object"&&typeof s!="function",We=Array.isArray,yn=s=>We(s)||typeof s?.[Symbol.iterator]=="function",He=`[ 	
\f\r]`,Q=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,wt=/-->/g,xt=/>/g,L=RegExp(`>|${He}(?:([^\\s"'>=/]+)(${He}*=${He}*(?:[^ 	
\f\r"'\`<>=]|("|')|))|$)`,"g"),$t=/'/g,kt=/"/g,At=/^(?:script|style|textarea|title)$/i,qe=s=>(e,...t)=>({_$litType$:s,strings:e,values:t}),m=qe(1),Pt=qe(2),ys=qe(3),z=Symbol.for("lit-noChange"),g=Symbol.for("lit-nothing"),St=new WeakMap,D=I.createTreeWalker(I,129);function Mt(s,e){if(!We(s)||!s.hasOwnProperty("raw"))throw Error("invalid template strings array");return yt!==void 0?yt.createHTML(e):e}var wn=(s,e)=>{let t=s.length-1,n=[],i,r=e===2?"<svg>":e===3?"<math>":"",o=Q;for(let a=0;a<t;a++){let l=s[a],c,h,d=-1,u=0;for(;u<l.length&&(o.lastIndex=u,h=o.exec(l),h!==null);)u=o.lastIndex,o===Q?h[1]==="!--"?o=wt:h[1]!==void 0?o=xt:h[2]!==void 0?(At.test(h[2])&&(i=RegExp("</"+h[2],"g")),o=L):h[3]!==void 0&&(o=L):o===L?h[0]===">"?(o=i??Q,d=-1):h[1]===void 0?d=-2:(d=o.lastIndex-h[2].length,c=h[1],o=h[3]===void 0?L:h[3]==='"'?kt:$t):o===kt||o===$t?o=L:o===wt||o===xt?o=Q:(o=L,i=void 0);let f=o===L&&s[a+1].startsWith("/>")?" ":"";r+=o===Q?l+bn:d>=0?(n.push(c),l.slice(0,d)+Et+l.slice(d)+T+f):l+T+(d===-2?a:f)}return[Mt(s,r+(s[t]||"<?>")+(e===2?"</svg>":e===3?"</math>":"")),n]},te=class s{constructor({strings:e,_$litType$:t},n){let i;this.parts=[];let r=0,o=0,a=e.length-1,l=this.parts,[c,h]=wn(e,t);if(this.el=s.createElement(c,n),D.currentNode=this.el.content,t===2||t===3){let d=this.el.content.firstChild;d.replaceWith(...d.childNodes)}for(;(i=D.nextNode())!==null&&l.length<a;){if(i.nodeType===1){if(i.hasAttributes())for(let d of i.getAttributeNames())if(d.endsWith(Et)){let u=h[o++],f=i.getAttribute(d).split(T),p=/([.?@])?(.*)/.exec(u);l.push({type:1,index:r,name:p[2],strings:f,ctor:p[1]==="."?Ue:p[1]==="?"?Be:p[1]==="@"?Fe:K}),i.removeAttribute(d)}else d.startsWith(T)&&(l.push({type:6,index:r}),i.removeAttribute(d));if(At.test(i.tagName)){let d=i.textContent.split(T),u=d.length-1;if(u>0){i.textContent=ue?ue.emptyScript:"";for(let f=0;f<u;f++)i.append(d[f],J()),D.nextNode(),l.push({type:2,index:++r});i.append(d[u],J())}}}else if(i.nodeType===8)if(i.data===Ct)l.push({type:2,index:r});else{let d=-1;for(;(d=i.data.indexOf(T,d+1))!==-1;)l.push({type:7,index:r}),d+=T.length-1}r++}}static createElement(e,t){let n=I.createElement("template");return n.innerHTML=e,n}};function j(s,e,t=s,n){if(e===z)return e;let i=n!==void 0?t._$Co?.[n]:t._$Cl,r=ee(e)?void 0:e._$litDirective$;return i?.constructor!==r&&(i?._$AO?.(!1),r===void 0?i=void 0:(i=new r(s),i._$AT(s,t,n)),n!==void 0?(t._$Co??=[])[n]=i:t._$Cl=i),i!==void 0&&(e=j(s,i._$AS(s,e.values),i,n)),e}var Ne=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,i=(e?.creationScope??I).importNode(t,!0);D.currentNode=i;let r=D.nextNode(),o=0,a=0,l=n[0];for(;l!==void 0;){if(o===l.index){let c;l.type===2?c=new ne(r,r.nextSibling,this,e):l.type===1?c=new l.ctor(r,l.name,l.strings,this,e):l.type===6&&(c=new je(r,this,e)),this._$AV.push(c),l=n[++a]}o!==l?.index&&(r=D.nextNode(),o++)}return D.currentNode=I,i}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings!==void 0?(n._$AI(e,n,t),t+=n.strings.length-2):n._$AI(e[t])),t++}},ne=class s{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,i){this.type=2,this._$AH=g,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=i,this._$Cv=i?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=j(this,e,t),ee(e)?e===g||e==null||e===""?(this._$AH!==g&&this._$AR(),this._$AH=g):e!==this._$AH&&e!==z&&this._(e):e._$litType$!==void 0?this.$(e):e.nodeType!==void 0?this.T(e):yn(e)?this.k(e):this._(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==g&&ee(this._$AH)?this._$AA.nextSibling.data=e:this.T(I.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,i=typeof n=="number"?this._$AC(e):(n.el===void 0&&(n.el=te.createElement(Mt(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===i)this._$AH.p(t);else{let r=new Ne(i,this),o=r.u(this.options);r.p(t),this.T(o),this._$AH=r}}_$AC(e){let t=St.get(e.strings);return t===void 0&&St.set(e.strings,t=new te(e)),t}k(e){We(this._$AH)||(this._$AH=[],this._$AR());let t=this._$AH,n,i=0;for(let r of e)i===t.length?t.push(n=new s(this.O(J()),this.O(J()),this,this.options)):n=t[i],n._$AI(r),i++;i<t.length&&(this._$AR(n&&n._$AB.nextSibling,i),t.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let n=bt(e).nextSibling;bt(e).remove(),e=n}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},K=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,i,r){this.type=1,this._$AH=g,this._$AN=void 0,this.element=e,this.name=t,this._$AM=i,this.options=r,n.length>2||n[0]!==""||n[1]!==""?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=g}_$AI(e,t=this,n,i){let r=this.strings,o=!1;if(r===void 0)e=j(this,e,t,0),o=!ee(e)||e!==this._$AH&&e!==z,o&&(this._$AH=e);else{let a=e,l,c;for(e=r[0],l=0;l<r.length-1;l++)c=j(this,a[n+l],t,l),c===z&&(c=this._$AH[l]),o||=!ee(c)||c!==this._$AH[l],c===g?e=g:e!==g&&(e+=(c??"")+r[l+1]),this._$AH[l]=c}o&&!i&&this.j(e)}j(e){e===g?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??"")}},Ue=class extends K{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===g?void 0:e}},Be=class extends K{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==g)}},Fe=class extends K{constructor(e,t,n,i,r){super(e,t,n,i,r),this.type=5}_$AI(e,t=this){if((e=j(this,e,t,0)??g)===z)return;let n=this._$AH,i=e===g&&n!==g||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,r=e!==g&&(n===g||i);i&&this.element.removeEventListener(this.name,this,n),r&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH=="function"?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},je=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){j(this,e)}};var xn=Ke.litHtmlPolyfillSupport;xn?.(te,ne),(Ke.litHtmlVersions??=[]).push("3.3.3");var Tt=(s,e,t)=>{let n=t?.renderBefore??e,i=n._$litPart$;if(i===void 0){let r=t?.renderBefore??null;n._$litPart$=i=new ne(e.insertBefore(J(),r),r,void 0,t??{})}return i._$AI(s),i};var Ve=globalThis,E=class extends P{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=Tt(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return z}};E._$litElement$=!0,E.finalized=!0,Ve.litElementHydrateSupport?.({LitElement:E});var $n=Ve.litElementPolyfillSupport;$n?.({LitElement:E});(Ve.litElementVersions??=[]).push("4.2.2");var x="infrafabric";function H(s){return typeof s=="object"&&s!==null&&"message"in s?String(s.message):String(s)}var kn=/^(OBS Studio|vMix)( |$)/,Sn=new Set(["stream","stream_number","record","virtual_camera","replay_buffer","external","multicorder","srt","fullscreen","other_output"]),En="program",Cn=[/^connectivity$/,/^stream_problem$/,/^stream_health$/,/^(stream|stream_number)_bitrate$/,/^(stream|stream_number)_skipped_percent$/,/^(stream|stream_number)_congestion$/,/^(stream|stream_number|record)_duration$/,/^fps$/,/^cpu$/,/^frame_time$/,/^free_disk$/],An=9,Pn=new Set(["unknown","unavailable"]);function Mn(s){return s.slice(0,s.indexOf("."))}function Ge(s,e){let t=e===void 0?null:s.devices[e]?.model;return t!=null&&kn.test(t)}function N(s,e){let t=new Map;for(let n of Object.values(s.entities)){if(n.platform!==x||n.hidden||!n.device_id||e?.length&&!e.includes(n.device_id)||!Ge(s,n.device_id))continue;let i=t.get(n.device_id);i?i.push(n):t.set(n.device_id,[n])}return[...t].map(([n,i])=>Tn(s,n,i)).sort((n,i)=>n.name.localeCompare(i.name))}function Tn(s,e,t){let n=s.devices[e],i=d=>t.filter(u=>Mn(u.entity_id)===d),r=d=>d.translation_key??s.states[d.entity_id]?.attributes.device_class??"",o=i("switch").filter(d=>Sn.has(r(d))),a=i("sensor"),l=new Map;for(let d of o){let u=o.filter(v=>r(v)===r(d)).length===1,f=`sensor.${d.entity_id.slice(7)}_`,p=a.find(v=>r(v)===`${r(d)}_state`&&(u||v.entity_id.startsWith(f)));p&&l.set(d.entity_id,p.entity_id)}let c=[...i("binary_sensor"),...a].map(d=>({entry:d,rank:Cn.findIndex(u=>u.test(r(d)))})).filter(({entry:d,rank:u})=>{let f=s.states[d.entity_id]?.state;return u>=0&&f!==void 0&&!Pn.has(f)}).sort((d,u)=>d.rank-u.rank),h=d=>i(d).find(u=>r(u)===En)?.entity_id??null;return{id:e,name:n?.name_by_user??n?.name??"",model:n?.model??"",outputs:o.map(d=>d.entity_id),states:l,health:c.slice(0,An).map(({entry:d})=>d.entity_id),program:h("image"),scene:h("select")}}var Xe=20;function Rt(s,e,t){return e===s.wanted?"done":t-s.since>Xe*1e3?"late":"waiting"}var Ot={title:"Mesh",card_name:"InfraFabric",card_description:"The mesh as a live picture, its peers, and your studios.",strategy_name:"InfraFabric",strategy_description:"A whole view of your meshes and studios, built by itself.",connecting:"Waiting for the mesh …",unavailable:"The mesh does not run right now. This is how it was.",no_mesh:"There is no mesh here yet. Add InfraFabric under Settings → Devices & services.",failed:"The mesh cannot be shown: {error}",summary:"{mesh}: {total} peers, {connected} connected, {routed} reached over others, {down} unreachable",summary_short:"{connected} of {total} connected",summary_down:"{down} unreachable",picture:"Picture of the mesh",picture_alternative:"The list of peers says the same.",this_node:"this node",peers:"Peers",peers_caption:"Peers of {mesh}. Choose a column's name to sort by it.",no_peers:"Nobody else is in this mesh yet.",no_match:"No peer has that name.",filter:"Find a peer",name:"Name",state:"State",band:"Quality",rtt_ms:"Round trip",path:"Path",last_seen:"Last seen",now:"now",never:"never",page:"Page {page} of {pages}",previous:"Previous page",next:"Next page",open_device:"Open the device of {name}",ms:"{value} ms",loss:"loss {value} %",state_connected:"Connected",state_routed:"Over others",state_down:"Unreachable",band_excellent:"Excellent",band_good:"Good",band_fair:"Fair",band_poor:"Poor",band_critical:"Critical",band_unknown:"Unknown",path_direct_lan:"Direct, local network",path_direct_wan:"Direct, internet",path_turn_udp:"Relay, UDP",path_turn_tcp:"Relay, TCP",path_turn_tls:"Relay, TLS",path_routed:"Over other peers",path_down:"None",legend:"Legend",legend_direct:"direct",legend_relayed:"relayed",legend_routed:"over others",legend_one_end:"reported by one end only",legend_proven:"delivery proven in the last {minutes} minutes",proven_now:"delivery proven just now",proven_ago:"delivery proven {ago}",not_proven:"delivery not proven yet",links_others:"Links with others:",links_both:"reported by both ends {count}",links_one:"reported by one end only {count}",studios:"Studios",no_studios:"There is no studio here yet.",outputs:"Outputs",health:"Health",program:"Program of {studio}",on_program:"Program:",on:"On",off:"Off",unknown:"Unknown",pending_on:"Switching on …",pending_off:"Switching off …",toggle_failed:"{name} could not be switched: {error}",toggle_late:"{name} has not answered yet.",invite:"Invite",invite_title:"Invite a peer to {mesh}",invite_role:"What the new peer may do",role_observe:"Observe: link and send information",role_command:"Command: also send requests",role_admin:"Admin: also invite and remove peers",invite_expiry:"Open for",expiry_hour:"One hour",expiry_day:"One day",expiry_week:"One week",invite_create:"Create invitation",invite_creating:"Creating …",invite_failed:"No invitation was made: {error}",invite_code:"Paste this text on the other side, or scan the code",invite_secret:"Whoever has it can join, once. Give it to nobody else.",invite_qr:"QR code of the invitation",invite_until:"Open until {time}",invite_over:"This invitation has expired.",invite_fingerprint:"The other side shows this fingerprint. Compare it: {fingerprint}",invite_joined:"{name} has joined. Compare its check groups on both screens.",invite_cancel:"Cancel invitation",invite_cancelled:"The invitation is cancelled.",copy:"Copy",copied:"Copied",copy_failed:"Copying did not work. Select the text and copy it yourself.",close:"Close",option_entry_id:"Mesh",option_title:"Title",option_show_picture:"Show the picture of the mesh",option_show_peers:"Show the list of peers",option_show_studios:"Show the studios",option_show_invite:"Show the invite button (to admins)",option_studios:"Studios",help_entry_id:"Needed only with more than one mesh.",help_studios:"Without a choice, all of them.",view_history:"What happened"},Rn={title:"Mesh",card_name:"InfraFabric",card_description:"Das Mesh als lebendiges Bild, seine Peers und Ihre Studios.",strategy_name:"InfraFabric",strategy_description:"Eine ganze Ansicht Ihrer Meshes und Studios, von selbst gebaut.",connecting:"Warte auf das Mesh …",unavailable:"Das Mesh läuft gerade nicht. So war es zuletzt.",no_mesh:"Hier gibt es noch kein Mesh. Fügen Sie InfraFabric unter Einstellungen → Geräte & Dienste hinzu.",failed:"Das Mesh kann nicht gezeigt werden: {error}",summary:"{mesh}: {total} Peers, {connected} verbunden, {routed} über andere erreicht, {down} unerreichbar",summary_short:"{connected} von {total} verbunden",summary_down:"{down} unerreichbar",picture:"Bild des Meshes",picture_alternative:"Die Liste der Peers sagt dasselbe.",this_node:"dieser Knoten",peers:"Peers",peers_caption:"Peers von {mesh}. Der Name einer Spalte sortiert nach ihr.",no_peers:"Noch ist niemand sonst in diesem Mesh.",no_match:"Kein Peer heißt so.",filter:"Peer suchen",name:"Name",state:"Zustand",band:"Qualität",rtt_ms:"Umlaufzeit",path:"Weg",last_seen:"Zuletzt gesehen",now:"jetzt",never:"nie",page:"Seite {page} von {pages}",previous:"Vorige Seite",next:"Nächste Seite",open_device:"Gerät von {name} öffnen",ms:"{value} ms",loss:"Verlust {value} %",state_connected:"Verbunden",state_routed:"Über andere",state_down:"Unerreichbar",band_excellent:"Ausgezeichnet",band_good:"Gut",band_fair:"Mäßig",band_poor:"Schlecht",band_critical:"Kritisch",band_unknown:"Unbekannt",path_direct_lan:"Direkt, lokales Netz",path_direct_wan:"Direkt, Internet",path_turn_udp:"Relay, UDP",path_turn_tcp:"Relay, TCP",path_turn_tls:"Relay, TLS",path_routed:"Über andere Peers",path_down:"Keiner",legend:"Legende",legend_direct:"direkt",legend_relayed:"über Relay",legend_routed:"über andere",legend_one_end:"nur von einem Ende gemeldet",legend_proven:"Zustellung in den letzten {minutes} Minuten belegt",proven_now:"Zustellung gerade belegt",proven_ago:"Zustellung {ago} belegt",not_proven:"Zustellung noch nicht belegt",links_others:"Links mit anderen:",links_both:"von beiden Enden gemeldet {count}",links_one:"nur von einem Ende gemeldet {count}",studios:"Studios",no_studios:"Hier gibt es noch kein Studio.",outputs:"Ausgaben",health:"Zustand",program:"Programm von {studio}",on_program:"Programm:",on:"Ein",off:"Aus",unknown:"Unbekannt",pending_on:"Wird eingeschaltet …",pending_off:"Wird ausgeschaltet …",toggle_failed:"{name} ließ sich nicht schalten: {error}",toggle_late:"{name} hat noch nicht geantwortet.",invite:"Einladen",invite_title:"Einen Peer zu {mesh} einladen",invite_role:"Was der neue Peer darf",role_observe:"Beobachten: verbinden und informieren",role_command:"Befehlen: auch um etwas bitten",role_admin:"Verwalten: auch Peers einladen und entfernen",invite_expiry:"Offen für",expiry_hour:"Eine Stunde",expiry_day:"Einen Tag",expiry_week:"Eine Woche",invite_create:"Einladung erstellen",invite_creating:"Wird erstellt …",invite_failed:"Es wurde keine Einladung erstellt: {error}",invite_code:"Fügen Sie diesen Text auf der anderen Seite ein, oder scannen Sie den Code",invite_secret:"Wer ihn hat, kann beitreten, einmal. Geben Sie ihn sonst niemandem.",invite_qr:"QR-Code der Einladung",invite_until:"Offen bis {time}",invite_over:"Diese Einladung ist abgelaufen.",invite_fingerprint:"Die andere Seite zeigt diesen Fingerabdruck. Vergleichen Sie ihn: {fingerprint}",invite_joined:"{name} ist beigetreten. Vergleichen Sie die Prüfgruppen auf beiden Bildschirmen.",invite_cancel:"Einladung zurückziehen",invite_cancelled:"Die Einladung ist zurückgezogen.",copy:"Kopieren",copied:"Kopiert",copy_failed:"Kopieren ging nicht. Markieren Sie den Text und kopieren Sie ihn selbst.",close:"Schließen",option_entry_id:"Mesh",option_title:"Titel",option_show_picture:"Das Bild des Meshes zeigen",option_show_peers:"Die Liste der Peers zeigen",option_show_studios:"Die Studios zeigen",option_show_invite:"Den Knopf zum Einladen zeigen (Administratoren)",option_studios:"Studios",help_entry_id:"Nur bei mehr als einem Mesh nötig.",help_studios:"Ohne Auswahl alle.",view_history:"Was geschah"},On={title:"Maillage",card_name:"InfraFabric",card_description:"Le maillage en image vivante, ses pairs et vos studios.",strategy_name:"InfraFabric",strategy_description:"Une vue entière de vos maillages et studios, construite toute seule.",connecting:"En attente du maillage …",unavailable:"Le maillage ne fonctionne pas en ce moment. Voici son dernier état.",no_mesh:"Il n'y a pas encore de maillage ici. Ajoutez InfraFabric sous Paramètres → Appareils et services.",failed:"Le maillage ne peut pas être affiché : {error}",summary:"{mesh} : {total} pairs, {connected} connectés, {routed} joints par d'autres, {down} injoignables",summary_short:"{connected} sur {total} connectés",summary_down:"{down} injoignables",picture:"Image du maillage",picture_alternative:"La liste des pairs dit la même chose.",this_node:"ce nœud",peers:"Pairs",peers_caption:"Pairs de {mesh}. Le nom d'une colonne trie selon elle.",no_peers:"Personne d'autre n'est encore dans ce maillage.",no_match:"Aucun pair ne porte ce nom.",filter:"Chercher un pair",name:"Nom",state:"État",band:"Qualité",rtt_ms:"Aller-retour",path:"Chemin",last_seen:"Vu",now:"maintenant",never:"jamais",page:"Page {page} sur {pages}",previous:"Page précédente",next:"Page suivante",open_device:"Ouvrir l'appareil de {name}",ms:"{value} ms",loss:"perte {value} %",state_connected:"Connecté",state_routed:"Par d'autres",state_down:"Injoignable",band_excellent:"Excellente",band_good:"Bonne",band_fair:"Moyenne",band_poor:"Mauvaise",band_critical:"Critique",band_unknown:"Inconnue",path_direct_lan:"Direct, réseau local",path_direct_wan:"Direct, internet",path_turn_udp:"Relais, UDP",path_turn_tcp:"Relais, TCP",path_turn_tls:"Relais, TLS",path_routed:"Par d'autres pairs",path_down:"Aucun",legend:"Légende",legend_direct:"direct",legend_relayed:"par relais",legend_routed:"par d'autres",legend_one_end:"signalé par un seul bout",legend_proven:"livraison prouvée dans les {minutes} dernières minutes",proven_now:"livraison prouvée à l'instant",proven_ago:"livraison prouvée {ago}",not_proven:"livraison pas encore prouvée",links_others:"Liens avec d'autres :",links_both:"signalés par les deux bouts {count}",links_one:"signalés par un seul bout {count}",studios:"Studios",no_studios:"Il n'y a pas encore de studio ici.",outputs:"Sorties",health:"Santé",program:"Programme de {studio}",on_program:"Programme :",on:"Activé",off:"Désactivé",unknown:"Inconnu",pending_on:"Activation …",pending_off:"Désactivation …",toggle_failed:"{name} n'a pas pu être commuté : {error}",toggle_late:"{name} n'a pas encore répondu.",invite:"Inviter",invite_title:"Inviter un pair dans {mesh}",invite_role:"Ce que le nouveau pair peut faire",role_observe:"Observer : se relier et informer",role_command:"Commander : aussi demander",role_admin:"Administrer : aussi inviter et retirer des pairs",invite_expiry:"Ouverte pendant",expiry_hour:"Une heure",expiry_day:"Un jour",expiry_week:"Une semaine",invite_create:"Créer l'invitation",invite_creating:"Création …",invite_failed:"Aucune invitation n'a été créée : {error}",invite_code:"Collez ce texte de l'autre côté, ou scannez le code",invite_secret:"Qui l'a peut entrer, une fois. Ne le donnez à personne d'autre.",invite_qr:"Code QR de l'invitation",invite_until:"Ouverte jusqu'au {time}",invite_over:"Cette invitation a expiré.",invite_fingerprint:"L'autre côté affiche cette empreinte. Comparez-la : {fingerprint}",invite_joined:"{name} est entré. Comparez ses groupes de contrôle sur les deux écrans.",invite_cancel:"Annuler l'invitation",invite_cancelled:"L'invitation est annulée.",copy:"Copier",copied:"Copié",copy_failed:"La copie n'a pas marché. Sélectionnez le texte et copiez-le vous-même.",close:"Fermer",option_entry_id:"Maillage",option_title:"Titre",option_show_picture:"Afficher l'image du maillage",option_show_peers:"Afficher la liste des pairs",option_show_studios:"Afficher les studios",option_show_invite:"Afficher le bouton d'invitation (aux administrateurs)",option_studios:"Studios",help_entry_id:"Nécessaire seulement avec plusieurs maillages.",help_studios:"Sans choix, tous.",view_history:"Ce qui s'est passé"},Ln={en:Ot,de:Rn,fr:On};function S(s){return Ln[(s??"en").split("-")[0]?.toLowerCase()??"en"]??Ot}function y(s,e){return s.replace(/\{(\w+)\}/g,(t,n)=>String(e[n]??t))}var W="infrafabric-card",Lt={show_picture:!0,show_peers:!0,show_studios:!0,show_invite:!0},Dt=Object.keys(Lt);function Ze(s){for(let t of Dt)if(s[t]!==void 0&&typeof s[t]!="boolean")throw new Error(`${t} must be true or false`);for(let t of["entry_id","title"])if(s[t]!==void 0&&typeof s[t]!="string")throw new Error(`${t} must be text`);let{studios:e}=s;if(e!==void 0&&!(Array.isArray(e)&&e.every(t=>typeof t=="string")))throw new Error("studios must be a list of device ids");return{...Lt,...s}}function It(){let s=()=>S(document.documentElement.lang);return{schema:[{name:"title",selector:{text:{}}},{name:"entry_id",selector:{config_entry:{integration:x}}},{type:"grid",name:"",schema:Dt.map(e=>({name:e,default:!0,selector:{boolean:{}}}))},{name:"studios",selector:{device:{multiple:!0,filter:[{integration:x,manufacturer:"OBS Project"},{integration:x,manufacturer:"StudioCoast"}]}}}],computeLabel:e=>s()[`option_${e.name}`],computeHelper:e=>s()[`help_${e.name}`],assertConfig:e=>{Ze(e)}}}function zt(s,e){let t=s.entities[e];if(t?.platform!==x||!t.device_id)return null;let n=`custom:${W}`;if(Ge(s,t.device_id))return{config:{type:n,show_picture:!1,show_peers:!1,show_invite:!1,studios:[t.device_id]}};let i=s.devices[t.device_id],r=i?.primary_config_entry??i?.config_entries?.[0];return{config:{type:n,...r?{entry_id:r}:{},show_studios:!1}}}var B=["excellent","good","fair","poor","critical","unknown"];function pe(s,e,t,n){let{connection:i}=s,r=0,o=null,a,l=()=>{r+=1,clearTimeout(a),o?.().catch(()=>{}),o=null},c=()=>{l();let d=r;i.subscribeMessage(u=>{d===r&&t(u)},{type:"infrafabric/mesh/subscribe",...e?{entry_id:e}:{}},{resubscribe:!1}).then(u=>{d===r?o=u:u().catch(()=>{})},u=>{d===r&&(n(u),a=setTimeout(c,5e3))})},h=()=>{o=null,l(),t({type:"unavailable"})};return i.addEventListener("ready",c),i.addEventListener("disconnected",h),c(),()=>{i.removeEventListener("ready",c),i.removeEventListener("disconnected",h),l()}}var Ht=2**20;function Ye(s,e){return s<e?s*Ht+e:e*Ht+s}var U=class{constructor(){this.node=null;this.peers=new Map;this.links=new Map;this.available=!1;this.shape=0;this.version=0}apply(e){switch(this.version+=1,e.type){case"unavailable":this.available=!1;return;case"snapshot":this.available=!0,this.node=e.node,this.peers.clear(),this.links.clear();for(let t of e.peers)this.peers.set(t.n,t);for(let t of e.links)this.setLink(t);this.shape+=1;return;case"changes":this.change(e)}}change(e){let t=!1;e.node&&(this.node=e.node);for(let n of e.peers??[])t||=!this.peers.has(n.n),this.peers.set(n.n,n);for(let n of e.peers_removed??[])t=this.peers.delete(n)||t;for(let n of e.links??[])t=this.setLink(n)||t;for(let[n,i]of e.links_removed??[])t=this.links.delete(Ye(n,i))||t;t&&(this.shape+=1)}setLink([e,t,n,i,r,o,a]){let l=Ye(e,t),c=this.links.has(l);return this.links.set(l,{a:e,b:t,rtt_ms:n,path:i,band:r,own:o==="own",says:o,proven:a}),!c}ownLink(e){return this.node?this.links.get(Ye(this.node.n,e)):void 0}counts(){let e={connected:0,routed:0,down:0};for(let t of this.peers.values())e[t.state]+=1;return e}};var Dn=[.2,.375,.5555555555555556,.6666666666666666],In=(s,e)=>t=>{let n=4*s+t-4,i="*-04-39?2$%%$%%'$%''%'''%')(%'))%(++'(++'(+.'+-.',/3',33)-/5)-43).36)058*18<+37<+4:<,4:E,5<A-7>C/8@F/:EH/<EK0=FM1?IP2@KS3BNV4DPY5FS\\6HV_6IXb7K[e8N^i9Pam;Rdp<Tgt".charCodeAt(n)-35,r=n>8?i:1,o=e/r|0,a=e%r,l=r-a,c=n>8?o*Dn[t]+(s>5)&-2:i,h=o-c;return{t:l*h+a*h+a,o:[[l,h],[a,h+1]],i:c}};var F=s=>new Uint8Array(s),se=s=>{let e=new Error(`lean-qr error ${s}`);throw e.code=s,e},fe=s=>"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".indexOf(s),Je=s=>s.charCodeAt(0),Bt=(...s)=>(e,t)=>s.forEach(n=>n(e,t)),Ft=s=>e=>{e.eci!==s&&(e.push(7,4),s<128?e.push(s,8):s<16384?e.push(32768|s,16):e.push(12582912|s,24),e.eci=s)},nt=s=>(e,t)=>{e.push(4,4),e.push(s.length,8+8*(t>9)),s.forEach(n=>e.push(n,8))},V=(s,e,t,n,i=(o,a)=>t(o.length,a),r=n?o=>Bt(Ft(n),s(o)):s)=>(r.test=e,r.l=t,r.est=i,r.eci=n&&[n],r),jt=V(s=>(e,t)=>{e.push(1,4),e.push(s.length,10+2*(t>26)+2*(t>9));let n=0;for(;n<s.length-2;n+=3)e.push(+s.slice(n,n+3),10);n<s.length-1?e.push(+s.slice(n),7):n<s.length&&e.push(+s[n],4)},s=>/[0-9]/.test(s),(s,e)=>14+2*(e>26)+2*(e>9)+10*s/3),Kt=V(s=>(e,t)=>{e.push(2,4),e.push(s.length,9+2*(t>26)+2*(t>9));let n=0;for(;n<s.length-1;n+=2)e.push(45*fe(s[n])+fe(s[n+1]),11);n<s.length&&e.push(fe(s[n]),6)},s=>fe(s)>=0,(s,e)=>13+2*(e>26)+2*(e>9)+5.5*s),q=V(s=>nt([...s].map(Je)),s=>Je(s)<128,(s,e)=>12+8*(e>9)+8*s);q._=!0,q.u=!0;var st=V(q,s=>Je(s)<256,q.l,3);st._=!0;var Nt=new TextEncoder,it=V(s=>nt(Nt.encode(s)),()=>1,0,26,(s,e)=>12+8*(e>9)+8*Nt.encode(s).length);it._=!0;var et=()=>{let s=new Map,e=new TextDecoder("sjis"),t=F(2);for(let n=0;n<7973;++n)t[0]=n/192+129+64*(n>5951),t[1]=n%192+64,s.set(e.decode(t),n);return s.delete("�"),et=()=>s,s},rt=V(s=>(e,t)=>{e.push(8,4),e.push(s.length,8+2*(t>26)+2*(t>9));for(let n of s)e.push(et().get(n),13)},s=>et().has(s),(s,e)=>12+2*(e>26)+2*(e>9)+13*s);rt._=!0;var Wt=[jt,Kt,q,st,rt,it],zn={auto:(s,{modes:e=Wt}={})=>(t,n)=>{let i=e.map((h,d)=>{let u=new Map,f=(p,v)=>(u.has(p)||u.set(p,v(p,n)),u.get(p));return{m:h,h:1<<d,C:h.est("",n),S:h.l?(p,v)=>f(v-p,h.l):(p,v)=>f(s.slice(p,v),h.est)}}),r=[{v:0}],o=0,a=0,l=-1;for(let h of[...s,""]){let d=0;if(h)for(let u of i)u.m.test(h)&&(d|=u.h);if(!h||d!==l){if(l!==-1){let u=new Set(r.map(p=>p.D)),f=[];for(let{m:p,C:v,S:w,h:_}of i)if(l&_){let b=w(o,a);for(let A of p.eci??u)if(!p.u||!A){let $;for(let k of r)if(k.D===A||p.eci){let M=k.m===p&&k.D===A,X=M?k.V:k,ae=p._&&M?k.v+b-v:X.v+12*(X.D!==A)+(M?w(M?k.$:o,a):b);(!$||ae<$.v)&&($={$:M?k.$:o,V:X,m:p,D:A,A:a,v:ae})}$&&f.push($)}}r=f}l=d,o=a}a+=h.length}r.length||se(5);let c=[];for(let h=r.reduce((d,u)=>u.v<d.v?u:d);h.m;h=h.V)c.push(h.m(s.slice(h.$,h.A)));c.reverse().forEach(h=>h(t,n))},multi:Bt,eci:Ft,bytes:nt,numeric:jt,alphaNumeric:Kt,ascii:q,iso8859_1:st,shift_jis:rt,utf8:it},Hn=()=>({F:F(2956),I:0,push(s,e){for(let t=e,n=8-(7&this.I);t>0;t-=n,n=8)this.F[this.I>>3]|=s<<n>>t,this.I+=t<n?t:n}}),Qe=(s,e=s*s,t=F(e))=>({size:s,K:t,get:(n,i)=>n>=0&&n<s&&!!(1&t[i*s+n]),toString({on:n="##",off:i="  ",lf:r=`
`,pad:o=4,padX:a=o,padY:l=o}={}){let c="";for(let h=-l;h<s+l;++h){for(let d=-a;d<s+a;++d)c+=this.get(d,h)?n:i;c+=r}return c},toImageData(n,{on:i=[0,0,0],off:r=[0,0,0,0],pad:o=4,padX:a=o,padY:l=o}={}){let c=s+2*a,h=s+2*l,d=n.createImageData(c,h),u=new Uint32Array(d.data.buffer);d.data.set([...i,255]);let f=u[0];d.data.set([...r,255]);let p=u[0];for(let v=0;v<h;++v)for(let w=0;w<c;++w)u[v*c+w]=this.get(w-a,v-l)?f:p;return d},toCanvas(n,i){let r=n.getContext("2d"),o=this.toImageData(r,i);n.width=o.width,n.height=o.height,r.putImageData(o,0,0)},toDataURL({type:n="image/png",scale:i=1,...r}={}){let o=document.createElement("canvas"),a=o.getContext("2d"),l=this.toImageData(a,r);return o.width=l.width*i,o.height=l.height*i,a.putImageData(l,0,0),a.imageSmoothingEnabled=!1,a.globalCompositeOperation="copy",a.drawImage(o,0,0,l.width,l.height,0,0,o.width,o.height),o.toDataURL(n,1)}}),me=[(s,e)=>1&(s^e),(s,e)=>1&e,s=>s%3,(s,e)=>(s+e)%3,(s,e)=>1&(s/3^e>>1),(s,e)=>(s&e&1)+s*e%3,(s,e)=>(s&e)+s*e%3&1,(s,e)=>(s^e)+s*e%3&1],ge=F(511);for(let s=0,e=1;s<255;e=2*e^285*(e>127))ge[ge[e+255]=s++]=e;var qt=s=>ge[s%255],Vt=s=>ge[s+255],Nn=(s,e)=>{let t=F(s.length+e.length-1);for(let n=0;n<s.length;++n)for(let i=0;i<e.length;++i)t[n+i]^=qt(s[n]+e[i]);return t.map(Vt)},Un=(s,e)=>{let t=F(s.length+e.length-1);t.set(s,0);for(let n=0;n<s.length;++n)if(t[n]){let i=Vt(t[n]);for(let r=0;r<e.length;++r)t[n+r]^=qt(e[r]+i)}return t.slice(s.length)},tt=[[0],[0,0]];for(let s=1;s<30;++s)tt.push(Nn(tt[s],[0,s]));var Bn=(s,e)=>{let t=[[],[]],n=0,i=0;for(let[o,a]of e.o)for(let l=0;l<o;++l,n+=a){let c=s.slice(n,n+a);t[0].push(c),t[1].push(Un(c,tt[e.i])),i+=a+e.i}let r=F(i);i=0;for(let o of t)for(let a=0,l=-1;l<i;++a){l=i;for(let c of o)a<c.length&&(r[i++]=c[a])}return r},Gt=(s,e,t)=>{let n=s<<=t;for(let i=134217728;i>>=1;)n&i&&(n^=e*(i>>t));return n|s},Fn=({size:s,K:e},t)=>{let n=(o,a,l,c)=>{for(;l-- >0;o+=s)e.fill(c,o,o+a)},i=(o,a,l)=>{for(let c=0;c++<3;l-=2)n(a*s+o-(l>>1)*(s+1),l,l,2|c)},r=2*((s-13)/(1+(t/7|0))/2+.75|0);if(t>1)for(let o=s-7;o>8;o-=r){for(let a=o;a>8;a-=r)i(o,a,5);o<s-7&&i(o,6,5)}if(t>6)for(let o=Gt(t,7973,12),a=1;a<7;++a)for(let l=12;l-- >9;o>>=1)e[a*s-l]=2|1&o;n(7,2,9,2),n(s-8,8,9,2);for(let o=0;o<s;++o)e[6*s+o]=3^1&o;i(3,3,7),i(s-4,3,7);for(let o=0;o<s;++o)for(let a=o;a<s;++a)e[a*s+o]=e[o*s+a];e[(s-8)*s+8]=3},jn=({size:s,K:e})=>{let t=[];for(let n=s-2,i=s,r=-1;n>=0;n-=2){for(n===5&&(n=4);i+=r,i!==-1&&i!==s;){let o=i*s+n;e[o+1]||t.push(o+1),e[o]||t.push(o)}r*=-1}return t},Kn=({K:s},e,t)=>e.forEach((n,i)=>s[n]=t[i>>3]>>(7&~i)&1),Wn=({size:s,K:e},t,n,i)=>{for(let o=0;o<s;++o)for(let a=0;a<s;++a){let l=o*s+a;e[l]^=!(t(a,o)||2&e[l])}let r=21522^Gt((1^i)<<3|n,1335,10);for(let o=0;o++<8;r>>=1)e[(o-(o<7))*s+8]=1&r,e[9*s-o]=1&r;for(let o=8;--o,r;r>>=1)e[8*s+o-(o<7)]=1&r,e[(s-o)*s+8]=1&r},qn=({size:s,K:e},t=0,n=0)=>{for(let i=0;i<s;++i){for(let r=0;r<2;++r)for(let o,a=0,l=0,c=2;a<s;++a){let h=1&e[r?i*s+a:a*s+i];n+=h,l=(l>>1|2098176)&(3047517^h-1),2049&l&&(t+=40),h^c&&(o=0),c=h,t+=++o===5?3:o>5}if(i)for(let r=s+i,o=5*e[i-1]^e[i];r<s*s;r+=s){let a=5*e[r-1]^e[r];t+=3*!(1&(o|a)|4&(o^a)),o=a}}return t+10*(10*Math.abs(n/(s*s)-1)|0)},Ut=[],ve=(s=se(1),{minCorrectionLevel:e=0,maxCorrectionLevel:t=3,minVersion:n=1,maxVersion:i=40,mask:r,trailer:o=60433,...a}={})=>{t<e&&se(3),i<n&&se(2),typeof s=="string"&&(s=zn.auto(s,a));for(let l=n,c=0;l<=i;++l){let h=Ut[l];h||(Ut[l]=h=Qe(4*l+17),Fn(h,l),h.p=jn(h));let d=In(l,h.p.length>>3);if(8*d(e).t<c)continue;let u=Hn();s(u,l),c=u.I;for(let f=t;f>=e;--f){let p=d(f);if(8*p.t<c)continue;for(u.I=c+11&-8;u.I<8*p.t;)u.push(o,16);let v=Qe(h.size,h.K);return Kn(v,h.p,Bn(u.F,p)),(me[r]?[me[r]]:me).map((w,_)=>{let b=Qe(v.size,v.K);return Wn(b,w,r??_,f),b.s=me[r]?0:qn(b),b}).reduce((w,_)=>_.s<w.s?_:w)}}se(4)};ve.with=(...s)=>(e,t)=>ve(e,{modes:[...Wt,...s],...t});var R=C`
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`,O=C`
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
`;var Vn=["observe","command","admin"],Xt={hour:1,day:24,week:168};function Gn(s){if(typeof s!="object"||s===null)return!1;let{invitation_id:e,invitation:t,expires:n}=s;return[e,t,n].every(i=>typeof i=="string"&&i!=="")}function Xn(s){let e=ve(s),t="";for(let n=0;n<e.size;n+=1)for(let i=0;i<e.size;i+=1){if(!e.get(i,n))continue;let r=i+1;for(;r<e.size&&e.get(r,n);)r+=1;t+=`M${i} ${n}h${r-i}v1H${i}z`,i=r}return{path:t,size:e.size}}var _e=class extends E{constructor(){super();this.store=new U;this.unfollow=null;this.made=null;this.known=null;this.opened=0;this.close=()=>this.dialog?.close();this.version=0,this.step="ask",this.notice=""}static{this.properties={hass:{attribute:!1},node:{attribute:!1},version:{state:!0},step:{state:!0},notice:{state:!0}}}get texts(){return S(this.hass.language)}get dialog(){return this.renderRoot.querySelector("dialog")}connectedCallback(){super.connectedCallback(),this.unfollow=pe(this.hass,this.node.entry_id,t=>{this.store.apply(t),this.version=this.store.version},()=>{}),window.addEventListener("popstate",this.close),window.addEventListener("location-changed",this.close)}disconnectedCallback(){super.disconnectedCallback(),window.removeEventListener("popstate",this.close),window.removeEventListener("location-changed",this.close),this.unfollow?.(),this.forget()}firstUpdated(){this.dialog?.showModal()}forget(){clearTimeout(this.timer),this.opened+=1,this.made=null,this.step="ask",this.notice=""}async create(t){t.preventDefault();let n=new FormData(t.target),i=this.opened;this.step="busy",this.notice="",this.known=this.store.node?new Set([...this.store.peers.values()].map(({id:r})=>r)):null;try{let r=await this.hass.callService(x,"create_invitation",{role:n.get("role"),expires_in:{hours:Xt[String(n.get("expiry"))]??24}},{device_id:this.node.device_id},!1,!0);if(i!==this.opened)return;if(!Gn(r.response))throw new Error("?");this.made=r.response,this.step="code";let o=new Date(this.made.expires).getTime()-Date.now();this.timer=setTimeout(()=>this.expire(),Math.min(Math.max(0,o),2**31-1)),await this.updateComplete,this.renderRoot.querySelector("textarea")?.focus()}catch(r){if(i!==this.opened)return;this.step="ask",this.notice=y(this.texts.invite_failed,{error:H(r)})}}expire(){this.forget(),this.notice=this.texts.invite_over}async cancel(){let{made:t}=this;if(t)try{await this.hass.callService(x,"cancel_invitation",{invitation_id:t.invitation_id},{device_id:this.node.device_id},!1),this.forget(),this.notice=this.texts.invite_cancelled}catch(n){this.notice=H(n)}}async copy(){let t=this.renderRoot.querySelector("textarea");if(!t||!this.made)return;let n=!1;try{await navigator.clipboard.writeText(this.made.invitation),n=!0}catch{t.select(),n=document.execCommand("copy")}this.notice=n?this.texts.copied:this.texts.copy_failed}joined(){let{known:t}=this;if(this.step!=="code"||!t)return"";let n=[...this.store.peers.values()].find(({id:i})=>!t.has(i));return n?y(this.texts.invite_joined,{name:n.name}):""}render(){let{texts:t}=this;return m`<dialog aria-labelledby="title" @close=${this.remove}>
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
          ${Vn.map(i=>m`<option value=${i}>${t[`role_${i}`]}</option>`)}
        </select>
      </label>
      <label>
        <span>${t.invite_expiry}</span>
        <select name="expiry">
          ${Object.keys(Xt).map(i=>m`<option value=${i} ?selected=${i==="day"}>
                ${t[`expiry_${i}`]}
              </option>`)}
        </select>
      </label>
      <button class="main" type="submit" ?disabled=${n}>
        ${n?t.invite_creating:t.invite_create}
      </button>
    </form>`}renderCode(){let{texts:t,made:n}=this;if(!n)return m``;let{path:i,size:r}=Xn(n.invitation),o=new Date(n.expires).toLocaleString(this.hass.language,{dateStyle:"medium",timeStyle:"short"});return m`
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
        ${Pt`<rect x="-4" y="-4" width=${r+8} height=${r+8} fill="#fff" />
          <path d=${i} fill="#000" />`}
      </svg>
      <p class="fingerprint">
        ${y(t.invite_fingerprint,{fingerprint:this.node.fingerprint})}
      </p>
    `}static{this.styles=[O,R,C`
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
    `]}};function Zt(s,e){let t=document.createElement("infrafabric-invite-dialog");t.hass=s,t.node=e,document.body.append(t)}var Zn=Math.PI*(3-Math.sqrt(5));function Yn(s,e,t){let n=new Map([s,...e].map(a=>[a,[]]));for(let{a,b:l}of t){let c=n.get(a),h=n.get(l);c&&h&&(c.push(l),h.push(a))}let i=new Map([[s,0]]),r=new Map,o=[s];for(let a=0;a<o.length;a+=1){let l=o[a],c=i.get(l)+1;for(let h of n.get(l).sort((d,u)=>d-u))i.has(h)||(i.set(h,c),r.set(h,l),o.push(h))}return{hops:i,parents:r}}function Yt(s,e,t){let n=new Map([[s,{x:0,y:0}]]);if(e.length===0)return{positions:n,room:.5};let{hops:i,parents:r}=Yn(s,e,t),o=[...e].filter(p=>i.has(p)),a=[...e].filter(p=>!i.has(p)),l=[];for(let p of o)(l[i.get(p)-1]??=[]).push(p);a.length&&(e.length<=24?(l[0]??=[]).push(...a):l.push(a));let c=l.some(p=>p.length>24),h=new Map([[s,0]]),d=e.length,u=0,f=1;return l.forEach((p,v)=>{let w=$=>h.get(r.get($)??s)??0,_=[...p].sort(($,k)=>w($)-w(k)||$-k),b=c?Math.sqrt((u+.02*d)/(1.02*d)):0;u+=p.length;let A=c?Math.sqrt((u+.02*d)/(1.02*d)):0;if(_.forEach(($,k)=>{let M=d<=2,X=M||_.length===2?Math.PI:-Math.PI/2,ae=M?0:v%2/2,Le=X+(k+ae)*2*Math.PI/_.length,le;if(c){let cn=k*Zn/(2*Math.PI)%1;le=b+(A-b)*(.1+.8*cn)}else le=.92*(v+1)/l.length;h.set($,Le),n.set($,{x:le*Math.cos(Le),y:le*Math.sin(Le)})}),!c){let $=2*Math.PI*.92*(v+1)/l.length;f=Math.min(f,$/_.length/2,.46/l.length)}}),c&&(f=.8/Math.sqrt(d)),{positions:n,room:f}}var Qn=[["day",86400],["hour",3600],["minute",60]];function be(s,e,t=Date.now()){let n=Math.max(0,(t-s.getTime())/1e3),i=new Intl.RelativeTimeFormat(e,{numeric:"auto"});for(let[r,o]of Qn)if(n>=o)return i.format(-Math.floor(n/o),r);return i.format(-Math.floor(n),"second")}var ot=300;function ye(s,e=Date.now()){return s.proven!==null&&e/1e3-s.proven<=ot}function we(s,e,t,n=Date.now()){return s.proven===null?e.not_proven:n/1e3-s.proven<60?e.proven_now:y(e.proven_ago,{ago:be(new Date(s.proven*1e3),t,n)})}function xe(s){let e=new Map;for(let{a:t,b:n,own:i,says:r}of s.links.values())if(!i)for(let o of[t,n]){let a=e.get(o);a||e.set(o,a={both:0,one:0}),a[r==="both"?"both":"one"]+=1}return e}function $e(s,e){let t=[];return s?.both&&t.push(y(e.links_both,{count:s.both})),s?.one&&t.push(y(e.links_one,{count:s.one})),t.length?`${e.links_others} ${t.join(", ")}`:""}var Jn={direct:[],relayed:[7,4],routed:[2,4]},es=60,ts=16,Qt=400,at=12,ke=7,Jt=.3;function ns(s){return s.startsWith("turn")?"relayed":s==="routed"?"routed":"direct"}function re(s){return s<10?s.toFixed(1):String(Math.round(s))}var lt=class{constructor(){this.cells=new Map}take(e){let t=[];for(let i=Math.floor(e.left/64);i<=Math.floor(e.right/64);i+=1)for(let r=Math.floor(e.top/64);r<=Math.floor(e.bottom/64);r+=1)t.push(i*4096+r);if(t.some(i=>this.cells.get(i)?.some(r=>e.left<r.right&&r.left<e.right&&e.top<r.bottom&&r.top<e.bottom)))return!1;for(let i of t){let r=this.cells.get(i);r?r.push(e):this.cells.set(i,[e])}return!0}},Se=class{constructor(e){this.store=e;this.layout={positions:new Map,room:1};this.shape=-1;this.width=0;this.height=0;this.widths=new Map;this.labelled=[]}resize(e,t){this.width=e,this.height=t}place(){let{node:e,peers:t,links:n}=this.store;this.shape===this.store.shape||!e||(this.shape=this.store.shape,this.layout=Yt(e.n,[...t.keys()].sort((i,r)=>i-r),n.values()))}at(e){let t=this.layout.positions.get(e);if(!t)return;let n=Math.max(32,at*2.5);return{x:this.width/2+t.x*(this.width/2-n),y:this.height/2+t.y*(this.height/2-n)}}get radius(){let e=Math.min(this.width,this.height)/2-30;return Math.max(2,Math.min(11,this.layout.room*e*.4))}hit(e,t){this.place();let n=Math.max(10,this.radius+4),i=null,r=n*n;for(let o of this.layout.positions.keys()){let a=this.at(o),l=(a.x-e)**2+(a.y-t)**2;l<r&&(r=l,i=o)}return i}draw(e,t,n,i){this.place(),e.clearRect(0,0,this.width,this.height);let{node:r,peers:o}=this.store;if(!r)return;let a=new Map;for(let d of this.layout.positions.keys())a.set(d,this.at(d));this.drawLinks(e,t,a,i),this.drawNodes(e,t,a,i);let l=new lt,c=a.get(r.n),h=this.radius;l.take({left:c.x-14,top:c.y-14,right:c.x+14,bottom:c.y+14}),e.font=`${at}px ${is(e)}`,e.textAlign="center",e.textBaseline="top",e.lineJoin="round",this.labelled=[],this.label(e,t,l,c,Math.max(10,h),n.own,t.text,!0);for(let d of rs(o.values(),i)){if(this.labelled.length>es)break;let u=a.get(d.n);if(!u)continue;let f=d.state==="down"?t.down:t.text;this.label(e,t,l,u,h,d.name,f,d.n===i)}this.drawRoundTrips(e,t,a,l,n.ms)}drawLinks(e,t,n,i){let{links:r,peers:o,node:a}=this.store,l=r.size>Qt,c=new Map;for(let d of r.values()){let u=n.get(d.a),f=n.get(d.b);if(!u||!f||o.get(d.a)?.state==="down"||o.get(d.b)?.state==="down")continue;let p=d.own||d.a===i||d.b===i,v=ns(d.path),w=d.says==="first"||d.says==="second",_=`${v} ${d.band} ${p} ${w}`,b=c.get(_);b||c.set(_,b={pattern:v,band:d.band,own:p,half:w,lines:[]}),d.says==="second"?b.lines.push(f,u):b.lines.push(u,f)}for(let{pattern:d,band:u,own:f,half:p,lines:v}of[...c.values()].sort((w,_)=>Number(w.own)-Number(_.own))){e.beginPath();for(let w=0;w<v.length;w+=2){let _=v[w],b=v[w+1];if(e.moveTo(_.x,_.y),f||l)p?e.lineTo((_.x+b.x)/2,(_.y+b.y)/2):e.lineTo(b.x,b.y);else{let A=(_.x+b.x)/2+(b.y-_.y)*Jt,$=(_.y+b.y)/2-(b.x-_.x)*Jt;if(p){let k={x:(_.x+2*A+b.x)/4,y:(_.y+2*$+b.y)/4};e.quadraticCurveTo((_.x+A)/2,(_.y+$)/2,k.x,k.y)}else e.quadraticCurveTo(A,$,b.x,b.y)}}e.strokeStyle=t[u],e.globalAlpha=f?1:l?Math.max(.1,.55*Qt/r.size):.55,e.lineWidth=f?2.5:1,e.setLineDash(l&&!f?[]:Jn[d]),e.stroke()}e.setLineDash([]);let h=a&&n.get(a.n);if(!h||o.size>40){e.globalAlpha=1;return}e.beginPath();for(let d of o.values()){let u=n.get(d.n);d.state!=="down"||!u||(e.moveTo(h.x,h.y),e.lineTo(u.x,u.y))}e.strokeStyle=t.down,e.globalAlpha=.35,e.lineWidth=1,e.setLineDash([1,6]),e.stroke(),e.setLineDash([]),e.globalAlpha=1}drawNodes(e,t,n,i){let r=this.radius,o=new Map;for(let c of this.store.peers.values()){let h=n.get(c.n);if(!h)continue;let d=c.state==="down"?t.down:t[c.band],u=o.get(d);u?u.push(h):o.set(d,[h])}for(let[c,h]of o){e.beginPath();for(let{x:d,y:u}of h)e.moveTo(d+r,u),e.arc(d,u,r,0,2*Math.PI);e.fillStyle=c,e.fill(),r>3&&(e.lineWidth=1.5,e.strokeStyle=t.background,e.stroke())}r>4&&this.crossOut(e,t,n,r);let a=this.store.node&&n.get(this.store.node.n);if(a){let c=Math.max(10,r);ie(e,a,c+3,t.background,!0),ie(e,a,c,t.own,!0),ie(e,a,c+3,t.own,!1)}let l=i===null?void 0:n.get(i);l&&ie(e,l,r+5,t.text,!1)}crossOut(e,t,n,i){let r=i*.4;e.beginPath();for(let o of this.store.peers.values()){let a=n.get(o.n);o.state!=="down"||!a||(e.moveTo(a.x-r,a.y-r),e.lineTo(a.x+r,a.y+r),e.moveTo(a.x+r,a.y-r),e.lineTo(a.x-r,a.y+r))}e.strokeStyle=t.background,e.lineWidth=2,e.stroke()}label(e,t,n,i,r,o,a,l){let c=o.length>24?`${o.slice(0,23)}…`:o,h=this.widths.get(c);h===void 0&&(this.widths.size>4096&&this.widths.clear(),h=e.measureText(c).width,this.widths.set(c,h));let d=i.y+r+5,u={left:i.x-h/2-3,top:d,right:i.x+h/2+3,bottom:d+at+3},f=Math.max(0,2-u.left)-Math.max(0,u.right-this.width+2);u.left+=f,u.right+=f,!(!n.take(u)&&!l)&&(this.labelled.push(o),e.lineWidth=3,e.strokeStyle=t.background,e.strokeText(c,i.x+f,d),e.fillStyle=a,e.fillText(c,i.x+f,d))}drawRoundTrips(e,t,n,i,r){let o=[...this.store.links.values()].filter(l=>l.own),a=Date.now();e.textBaseline="middle";for(let l of o){let c=n.get(l.a),h=n.get(l.b);if(!c||!h)continue;let d=ye(l,a),u=l.rtt_ms===null||o.length>ts?"":r(re(l.rtt_ms));if(!u&&!d)continue;let f=(c.x+h.x)/2,p=(c.y+h.y)/2,v=d?2*ke+4:0,w=u?e.measureText(u).width+8+v:v,_={left:f-w/2,top:p-8,right:f+w/2,bottom:p+8},b=u!==""&&i.take(_);b&&(e.lineWidth=4,e.strokeStyle=t.background,e.strokeText(u,f+v/2,p),e.fillStyle=t.secondary,e.fillText(u,f+v/2,p)),d&&ss(e,{x:b?_.left+ke+4:f,y:p},t)}}};function ss(s,{x:e,y:t},n){ie(s,{x:e,y:t},ke+1,n.background,!0),s.lineWidth=1,s.strokeStyle=n.text,s.beginPath(),s.arc(e,t,ke,0,2*Math.PI),s.stroke(),s.lineWidth=1.75,s.beginPath(),s.moveTo(e-3.2,t+.2),s.lineTo(e-.9,t+2.6),s.lineTo(e+3.4,t-2.6),s.stroke()}function ie(s,{x:e,y:t},n,i,r){s.beginPath(),s.arc(e,t,n,0,2*Math.PI),r?(s.fillStyle=i,s.fill()):(s.strokeStyle=i,s.lineWidth=2,s.stroke())}function is(s){return getComputedStyle(s.canvas).fontFamily||"sans-serif"}function rs(s,e){let t=n=>n.n===e?0:n.state==="down"?1:n.state==="connected"?2:3;return[...s].sort((n,i)=>t(n)-t(i)||n.n-i.n)}var oe={excellent:["--success-color","#43a047"],good:["--light-green-color","#8bc34a"],fair:["--amber-color","#ffc107"],poor:["--orange-color","#ff9800"],critical:["--deep-orange-color","#ff6f22"],unknown:["--disabled-text-color","#9e9e9e"]},Ee=class extends E{constructor(){super();this.painter=null;this.resizing=null;this.frame=0;this.colours=null;this.hovered=null;this.version=0,this.language="en",this.chosen=null}static{this.properties={store:{attribute:!1},version:{attribute:!1},tick:{attribute:!1},language:{},theme:{attribute:!1},chosen:{attribute:!1}}}get texts(){return S(this.language)}connectedCallback(){super.connectedCallback(),this.resizing=new ResizeObserver(()=>this.redraw()),this.resizing.observe(this)}disconnectedCallback(){super.disconnectedCallback(),this.resizing?.disconnect(),cancelAnimationFrame(this.frame),this.frame=0}updated(t){t.has("store")&&(this.painter=new Se(this.store)),t.has("theme")&&(this.colours=null),this.redraw()}redraw(){this.frame||(this.frame=requestAnimationFrame(()=>{this.frame=0,this.draw()}))}readColours(){let t=getComputedStyle(this),n=(r,o)=>t.getPropertyValue(r).trim()||o;return{...Object.fromEntries(B.map(r=>[r,n(...oe[r])])),text:n("--primary-text-color","#141414"),secondary:n("--secondary-text-color","#5e5e5e"),background:n("--ha-card-background",n("--card-background-color","#fff")),own:n("--primary-color","#009ac7"),down:n("--error-color","#db4437"),line:n("--divider-color","#ddd")}}draw(){let t=this.renderRoot.querySelector("canvas"),n=t?.getContext("2d");if(!t||!n||!this.painter)return;let{clientWidth:i,clientHeight:r}=t;if(!i||!r)return;let o=Math.min(2,window.devicePixelRatio||1);(t.width!==Math.round(i*o)||t.height!==Math.round(r*o))&&(t.width=Math.round(i*o),t.height=Math.round(r*o)),n.setTransform(o,0,0,o,0,0),this.painter.resize(i,r),this.colours??=this.readColours();let{node:a}=this.store;this.painter.draw(n,this.colours,{own:a?`${a.name} (${this.texts.this_node})`:"",ms:l=>y(this.texts.ms,{value:l})},this.hovered??this.chosen)}numberAt(t){return this.painter?.hit(t.offsetX,t.offsetY)??null}move(t){t.pointerType!=="touch"&&this.hover(this.numberAt(t))}hover(t){t!==this.hovered&&(this.hovered=t,this.requestUpdate())}choose(t){let n=this.numberAt(t);this.dispatchEvent(new CustomEvent("peer-chosen",{detail:n,bubbles:!0,composed:!0}))}about(t){let{texts:n}=this,i=t===null?void 0:this.store.peers.get(t);if(!i)return"";let r=[i.name,n[`state_${i.state}`]];if(i.state!=="down"){r.push(n[`path_${i.path}`]??i.path),i.rtt_ms!==null&&r.push(y(n.ms,{value:re(i.rtt_ms)})),r.push(n[`band_${i.band}`]);let o=i.state==="connected"?this.store.ownLink(i.n):void 0;o&&r.push(we(o,n,this.language));let a=$e(xe(this.store).get(i.n),n);a&&r.push(a)}return r.join(" · ")}render(){let{texts:t,store:n}=this,{connected:i,routed:r,down:o}=n.counts(),a=y(t.summary,{mesh:n.node?.mesh??"",total:n.peers.size,connected:i,routed:r,down:o}),l=this.about(this.hovered??this.chosen);return m`
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
  `}};var as=3e4,ls=6;function ds(s){return s<=2?"flat":s<=ls?"low":""}var Ce=class extends E{constructor(){super();this.store=new U;this.wanted="";this.unsubscribe=null;this.version=0,this.tick=0,this.problem=null,this.chosen=null}static{this.properties={hass:{attribute:!1},config:{state:!0},version:{state:!0},tick:{state:!0},problem:{state:!0},chosen:{state:!0}}}setConfig(t){this.config=Ze(t)}static getConfigForm(){return It()}static getStubConfig(){return{}}getCardSize(){let{show_picture:t,show_peers:n,show_studios:i}=this.config??{};return 1+(t?6:0)+(n?4:0)+(i?4:0)}getGridOptions(){return{columns:12,min_columns:6,rows:"auto"}}connectedCallback(){super.connectedCallback(),this.clock=setInterval(()=>this.tick+=1,as),this.follow()}disconnectedCallback(){super.disconnectedCallback(),clearInterval(this.clock),this.stop()}willUpdate(t){(t.has("config")||t.has("hass"))&&this.follow()}shouldUpdate(t){if(!this.config)return!1;if(t.size>1||!t.has("hass"))return!0;let n=t.get("hass"),{hass:i}=this;return!n||!i?!0:n.language!==i.language||n.themes!==i.themes||n.user!==i.user||n.entities!==i.entities||n.devices!==i.devices||this.config.show_studios&&this.studioChanged(n,i)}studioChanged(t,n){return N(n,this.config?.studios).some(i=>[...i.outputs,...i.states.values(),...i.health,i.program,i.scene].some(r=>r!==null&&t.states[r]!==n.states[r]))}get needsMesh(){let{config:t}=this;return!!(t&&(t.show_picture||t.show_peers||t.show_invite))}follow(){let{hass:t,config:n}=this;if(!t||!n||!this.isConnected)return;let i=this.needsMesh?`mesh ${n.entry_id??""}`:"nothing";i!==this.wanted&&(this.stop(),this.wanted=i,this.needsMesh&&this.subscribe(t,n.entry_id))}subscribe(t,n){let i=new U;this.store=i,this.version=0,this.problem=null,this.unsubscribe=pe(t,n,r=>{i.apply(r),this.problem=null,this.version=i.version},r=>{let o=typeof r=="object"&&r&&"code"in r?String(r.code):"";this.problem={code:o,text:H(r)}})}stop(){this.unsubscribe?.(),this.unsubscribe=null,this.wanted=""}get texts(){return S(this.hass?.language)}choose(t){let{detail:n}=t;this.chosen=n!==null&&this.store.peers.has(n)?n:null,this.chosen!==null&&this.renderRoot.querySelector("infrafabric-peer-list")?.show(this.chosen)}invite(){this.hass&&this.store.node&&Zt(this.hass,this.store.node)}render(){let{hass:t,config:n,store:i,texts:r}=this;if(!t||!n)return g;let{node:o}=i,a=n.title??o?.mesh??(this.needsMesh?r.title:r.studios),l=n.show_invite&&t.user?.is_admin&&o?.can_invite,c=n.show_studios&&N(t,n.studios).length>0;return m`<ha-card>
      <div class="card">
        <header>
          <h2>${a}</h2>
          ${o?this.renderSummary():g}
          ${l?m`<button class="main invite" ?disabled=${!i.available} @click=${this.invite}>
                ${r.invite}
              </button>`:g}
        </header>
        ${this.needsMesh?this.renderMesh(t,!!c):g}
        ${c||n.show_studios&&!this.needsMesh?m`${this.needsMesh?m`<h3>${r.studios}</h3>`:g}
              <infrafabric-studio-panel
                .hass=${t}
                .only=${n.studios}
                .above=${a}
              ></infrafabric-studio-panel>`:g}
      </div>
    </ha-card>`}renderSummary(){let{connected:t,down:n}=this.store.counts(),i=this.store.peers.size;return m`<span class="summary">
      ${y(this.texts.summary_short,{connected:t,total:i})}${n?m`, <strong>${y(this.texts.summary_down,{down:n})}</strong>`:g}
    </span>`}renderMesh(t,n){let{config:i,store:r,texts:o,problem:a}=this;if(a){if(a.code==="not_found"&&n&&!i?.entry_id)return g;if(a.code==="unknown_command")return m`<p role="status">${o.connecting}</p>`;let l=a.code==="not_found"?o.no_mesh:y(o.failed,{error:a.text});return m`<p role="alert">${l}</p>`}return r.node?m`
      ${r.available?g:m`<p role="status">${o.unavailable}</p>`}
      ${i?.show_picture?m`<infrafabric-mesh-picture
              class="${ds(r.peers.size)} ${r.available?"":"past"}"
              .store=${r}
              .version=${this.version}
              .tick=${this.tick}
              .language=${t.language}
              .theme=${t.themes}
              .chosen=${this.chosen}
              @peer-chosen=${this.choose}
            ></infrafabric-mesh-picture>
            ${this.renderLegend()}`:g}
      ${i?.show_peers?m`<infrafabric-peer-list
            .store=${r}
            .version=${this.version}
            .tick=${this.tick}
            .language=${t.language}
            .chosen=${this.chosen}
          ></infrafabric-peer-list>`:g}
    `:m`<p role="status">${r.version?o.unavailable:o.connecting}</p>`}renderLegend(){let{texts:t}=this;return m`<ul class="legend" aria-label=${t.legend}>
      ${B.map(n=>{let[i,r]=oe[n];return m`<li>
          <i style="border-top-color: var(${i}, ${r})"></i>${t[`band_${n}`]}
        </li>`})}
      <li><i class="direct"></i>${t.legend_direct}</li>
      <li><i class="relayed"></i>${t.legend_relayed}</li>
      <li><i class="routed"></i>${t.legend_routed}</li>
      <li><i class="half"></i>${t.legend_one_end}</li>
      <li><b class="proven" aria-hidden="true">✓</b>${y(t.legend_proven,{minutes:ot/60})}</li>
      <li><b aria-hidden="true">✕</b>${t.state_down}</li>
    </ul>`}static{this.styles=[O,R,C`
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
    `]}};var en=["name","state","band","rtt_ms","path","last_seen"],G=20,cs=["down","routed","connected"];function tn(s){return s.name.toLocaleLowerCase().replace(/\d+/g,e=>e.padStart(8,"0"))}function hs(s,e){switch(e){case"name":return tn(s);case"state":return cs.indexOf(s.state);case"band":return s.band==="unknown"?null:s.score??100-20*B.indexOf(s.band);case"rtt_ms":return s.rtt_ms;case"path":return s.path==="down"?null:s.path;case"last_seen":return s.state==="connected"?"9999":s.last_seen}}function dt(s,{column:e,descending:t}){let n=t?-1:1,i=[...s].map(r=>({peer:r,value:hs(r,e),name:tn(r)}));return i.sort((r,o)=>r.value!==o.value?r.value===null?1:o.value===null?-1:r.value<o.value?-n:n:r.name!==o.name?r.name<o.name?-1:1:r.peer.n-o.peer.n),i.map(({peer:r})=>r)}function nn(s,e){let t=e.trim().toLocaleLowerCase();return[...s].filter(n=>n.name.toLocaleLowerCase().includes(t))}function sn(s,e){let t=Math.max(1,Math.ceil(s.length/G)),n=Math.min(Math.max(0,e),t-1);return{items:s.slice(n*G,(n+1)*G),page:n,pages:t}}var Ae=class extends E{static{this.properties={store:{attribute:!1},version:{attribute:!1},tick:{attribute:!1},language:{},chosen:{attribute:!1},order:{state:!0},page:{state:!0},text:{state:!0}}}constructor(){super(),this.version=0,this.language="en",this.chosen=null,this.order={column:"name",descending:!1},this.page=0,this.text=""}get texts(){return S(this.language)}show(e){this.text="";let t=dt(this.store.peers.values(),this.order).findIndex(n=>n.n===e);t>=0&&(this.page=Math.floor(t/G))}sort(e){let t=this.order.column===e&&!this.order.descending;this.order={column:e,descending:t},this.page=0}find(e){this.text=e.target.value,this.page=0}open(e){history.pushState(null,"",`/config/devices/device/${e.device_id}`),window.dispatchEvent(new CustomEvent("location-changed",{detail:{replace:!1}}))}when(e){return e.state==="connected"?this.texts.now:e.last_seen?be(new Date(e.last_seen),this.language):this.texts.never}render(){let{texts:e,store:t}=this;if(t.peers.size===0)return m`<p class="empty">${e.no_peers}</p>`;let n=nn(t.peers.values(),this.text),i=xe(t),{items:r,page:o,pages:a}=sn(dt(n,this.order),this.page);return m`
      ${t.peers.size>G?m`<label class="find">
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
              ${en.map(l=>this.renderHead(l))}
            </tr>
          </thead>
          <tbody>
            ${r.map(l=>this.renderPeer(l,i.get(l.n)))}
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
    </th>`}renderPeer(e,t){let{texts:n}=this,i=e.state==="down",r=e.state==="connected"?this.store.ownLink(e.n):void 0,o=i?"":$e(t,n),[a,l]=oe[e.band];return m`<tr
      class="${i?"down":""} ${e.n===this.chosen?"chosen":""}"
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
        <span class="mark" aria-hidden="true">${i?"✕":"●"}</span>
        ${n[`state_${e.state}`]}
        ${r?m`<small class="more proof"
              >${ye(r)?m`<span aria-hidden="true">✓ </span>`:g}${we(r,n,this.language)}</small
            >`:g}
      </td>
      <td class="band">
        <span class="dot" style="background: var(${a}, ${l})" aria-hidden="true"></span>
        ${n[`band_${e.band}`]}
        ${e.loss_percent?m`<small>${y(n.loss,{value:e.loss_percent})}</small>`:g}
      </td>
      <td class="rtt_ms">
        ${e.rtt_ms===null?"–":y(n.ms,{value:re(e.rtt_ms)})}
      </td>
      <td class="path">
        ${n[`path_${e.path}`]??e.path}
        ${o?m`<small class="more">${o}</small>`:g}
      </td>
      <td class="last_seen">${this.when(e)}</td>
    </tr>`}static{this.styles=[O,R,C`
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
    `]}};var us="Mesh node",rn="Mesh peer",ps=12,ct=s=>({type:`custom:${W}`,grid_options:{columns:"full"},...s}),Pe=(s,...e)=>({type:"grid",column_span:s,cards:e});function on(s,e,t,n){return Object.values(s.entities).filter(i=>i.platform===x&&!i.hidden&&i.entity_id.startsWith(`${n}.`)&&i.device_id!==void 0&&s.devices[i.device_id]?.model===e&&(i.translation_key===t||!i.translation_key&&s.states[i.entity_id]?.attributes.device_class===t)).map(i=>i.entity_id).sort()}function ht(s){let e=S(s.language),n=Object.values(s.devices).filter(a=>a.model===us&&Object.values(s.entities).some(l=>l.platform===x&&l.device_id===a.id)).map(a=>{let l=a.primary_config_entry??a.config_entries?.[0];return Pe(2,ct({...l?{entry_id:l}:{},show_studios:!1}))});for(let a of N(s))n.push(Pe(1,ct({title:a.name,show_picture:!1,show_peers:!1,show_invite:!1,studios:[a.id]})));n.length===0&&n.push(Pe(2,ct({})));let i=on(s,rn,"rtt","sensor").slice(0,ps),r=on(s,rn,"connectivity","binary_sensor"),o=[];return i.length&&o.push({type:"history-graph",hours_to_show:24,entities:i,grid_options:{columns:"full"}}),r.length&&o.push({type:"logbook",hours_to_show:24,target:{entity_id:r},grid_options:{columns:"full",rows:6}}),o.length&&n.push(Pe(2,{type:"heading",heading:e.view_history,icon:"mdi:history"},...o)),{type:"sections",max_columns:4,title:e.card_name,path:x,sections:n}}var Me=class extends HTMLElement{static async generate(e,t){return ht(t)}static shouldRegenerate(e,t,n){return t.entities===n.entities&&t.devices===n.devices?!1:JSON.stringify(ht(t))!==JSON.stringify(ht(n))}},Te=class extends HTMLElement{static async generate(e){let t=S(document.documentElement.lang);return{title:typeof e.title=="string"?e.title:t.card_name,views:[{title:t.card_name,path:x,icon:"mdi:graph-outline",strategy:{type:`custom:${x}`}}]}}};var Re=class extends E{static{this.properties={hass:{attribute:!1},only:{attribute:!1},above:{},pending:{state:!0},notice:{state:!0}}}constructor(){super(),this.pending=new Map,this.notice=""}get texts(){return S(this.hass.language)}disconnectedCallback(){super.disconnectedCallback(),clearTimeout(this.timer),this.pending=new Map}willUpdate(e){e.has("hass")&&this.settle()}settle(){if(this.pending.size===0)return;let e=new Map(this.pending);for(let[t,n]of this.pending){let i=this.hass.states[t],r=Rt(n,i?.state,Date.now());r!=="waiting"&&(e.delete(t),r==="late"&&(this.notice=y(this.texts.toggle_late,{name:ut(i,t)})))}e.size!==this.pending.size&&(this.pending=e)}async toggle(e){let t=this.hass.states[e];if(!t||this.pending.has(e))return;let n=t.state==="on"?"off":"on";this.pending=new Map(this.pending).set(e,{wanted:n,since:Date.now()}),this.notice="",clearTimeout(this.timer),this.timer=setTimeout(()=>this.settle(),Xe*1e3+100);try{await this.hass.callService("switch",`turn_${n}`,{},{entity_id:e},!1)}catch(i){let r=new Map(this.pending);r.delete(e),this.pending=r,this.notice=y(this.texts.toggle_failed,{name:ut(t,e),error:H(i)})}}moreInfo(e){this.dispatchEvent(new CustomEvent("hass-more-info",{detail:{entityId:e},bubbles:!0,composed:!0}))}stateText(e){return this.hass.formatEntityState?.(e)??e.state}render(){let e=N(this.hass,this.only),{texts:t}=this;return e.length===0?m`<p class="empty">${t.no_studios}</p>`:m`
      ${e.map(n=>this.renderStudio(n))}
      <p class="notice" role="status">${this.notice}</p>
    `}renderStudio(e){let{texts:t}=this,n=e.scene===null?void 0:this.hass.states[e.scene],i=e.program===null?void 0:this.hass.states[e.program],r=i?.attributes.entity_picture,o=r&&`${r}&state=${encodeURIComponent(i.state)}`,a=fs(e),l=a?m`<small>${a}</small>`:g;return m`<section aria-label=${e.name}>
      ${e.name===this.above?a?m`<p class="model">${l}</p>`:g:m`<h3>${e.name} ${l}</h3>`}
      <div class="studio">
        ${o?m`<button class="program" @click=${()=>this.moreInfo(e.program)}>
              <img src=${o} alt=${y(t.program,{studio:e.name})} />
            </button>`:g}
        <div class="facts">
          ${n?m`<p class="scene"><span>${t.on_program}</span> ${this.stateText(n)}</p>`:g}
          ${e.outputs.length?m`<ul aria-label=${t.outputs}>
                ${e.outputs.map(c=>this.renderOutput(e,c))}
              </ul>`:g}
          ${e.health.length?m`<dl aria-label=${t.health}>
                ${e.health.map(c=>this.renderHealth(e,c))}
              </dl>`:g}
        </div>
      </div>
    </section>`}renderOutput(e,t){let{texts:n}=this,i=this.hass.states[t],r=an(i,t,e.name),o=i?.state==="on"||i?.state==="off",a=i?.state==="on",l=this.pending.get(t),c=this.hass.states[e.states.get(t)??""],h=c&&o?this.stateText(c):o?a?n.on:n.off:n.unknown,d=l?n[`pending_${l.wanted}`]:h;return m`<li>
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
      <dt>${an(n,t,e.name)}</dt>
      <dd>${this.stateText(n)}</dd>
    </div>`:g}static{this.styles=[O,R,C`
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
    `]}};function ut(s,e){return s?.attributes.friendly_name??e}function fs({name:s,model:e}){return s.toLowerCase().includes(e.toLowerCase())?"":e.startsWith(`${s} `)?e.slice(s.length+1):e}function an(s,e,t){let n=ut(s,e);return t&&n.startsWith(`${t} `)?n.slice(t.length+1):n}var ms={"infrafabric-mesh-picture":Ee,"infrafabric-peer-list":Ae,"infrafabric-studio-panel":Re,"infrafabric-invite-dialog":_e,[W]:Ce,[`ll-strategy-dashboard-${x}`]:Te,[`ll-strategy-view-${x}`]:Me};for(let[s,e]of Object.entries(ms))customElements.get(s)||customElements.define(s,e);var Oe=S(document.documentElement.lang),ln="https://github.com/infrafabric/infrafabric-homeassistant/blob/main/docs/how-to/dashboard-card.md";function dn(s,e){s.some(({type:t})=>t===e.type)||s.push(e)}dn(window.customCards??=[],{type:W,name:Oe.card_name,description:Oe.card_description,preview:!0,documentationURL:ln,getEntitySuggestion:zt});dn(window.customStrategies??=[],{type:x,strategyType:"dashboard",name:Oe.strategy_name,description:Oe.strategy_description,documentationURL:ln});
