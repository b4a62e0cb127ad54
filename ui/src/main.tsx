/** The bundle: Airflow's UI imports it, and takes the component from the global with the plugin's name. */

import { App } from "./app";
import style from "./style/main.css?inline";

// A sheet of our own rather than a <style> element: a policy against inline styles does not mind it.
const sheet = new CSSStyleSheet();
sheet.replaceSync(style);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

Object.assign(globalThis, { SageMaker: App, AirflowPlugin: App });
