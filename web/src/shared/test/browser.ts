// What modules ask of a browser as soon as they are loaded, where there is none. Imported before them.
const still = { matches: false, addEventListener: () => undefined, removeEventListener: () => undefined };
Object.assign(globalThis, { matchMedia: () => still });
