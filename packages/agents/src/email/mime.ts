// All that an agent needs of nodemailer. Only this file imports it: the build makes one module of it, without what reads files and addresses
// of the web (bundle-libraries.ts).
export { default } from "nodemailer/lib/mime-node";
