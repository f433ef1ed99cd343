/**
 * The nonce of this page's content security policy, without which no `<style>` element that a library adds takes effect.
 * radix-ui finds it under the global name.
 */
export const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce;

Object.assign(globalThis, { __webpack_nonce__: nonce });
