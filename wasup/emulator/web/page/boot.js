// Starts the page: everything is defined before libraries see the loader, and `Debug` comes last, as they wait for it.

import './modules/all.js';
import { breakAtLoad } from './breaking.js';
import { start } from './lifecycle.js';
import { openLoader } from './loader.js';
import { buildVersion } from './settings.js';
import { startDrawing } from './view.js';

breakAtLoad();
openLoader();
start();
startDrawing();
window.Debug = { VERSION: buildVersion };
