/** @type {import('next').NextConfig} */
export default {
  // This folder is the app; the repository around it has a lock of its own.
  turbopack: { root: import.meta.dirname },
};
