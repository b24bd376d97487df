/** Kept equal to package.json by a test; the program has no file to read it from once it is bundled. */
export const VERSION = '0.1.0'
