import type { Command } from 'commander'
import { addPlaceOptions } from './firmware-place.ts'
import { addAddOptions, addImageCommand } from './image-add.ts'
import { exportCommand } from './image-export.ts'
import { addGcOptions, collectCommand } from './image-gc.ts'
import { listImages, removeImageCommand, showImage, verifyImages } from './image-list.ts'

/**
 * `image` and what is below it: works on the folder of the store, whether a server runs or not; changes are made
 * under its lock.
 */
export function addImageCommands(program: Command): void {
  const image = program
    .command('image')
    .summary('the image store: kernels and initrds by their hash')
    .description(
      "Images in the state directory's images/, beside those that the configuration declares. A new version is what " +
        'machines boot from the moment on that it is whole; machines that boot an older one finish on it. A running ' +
        'server notices by itself.',
    )
  addAddOptions(addPlaceOptions(image.command('add').argument('<name>', 'what profiles call it')))
    .summary('make files the current version of an image')
    .action(addImageCommand)
  addPlaceOptions(image.command('list'))
    .summary('every image, and what machines get')
    .description('The images of the store, and with --config also those that the configuration declares.')
    .action(listImages)
  addPlaceOptions(image.command('show').argument('<name>', 'an image of the store'))
    .summary('the versions of an image, their files, hashes and addresses')
    .action(showImage)
  addPlaceOptions(image.command('verify').argument('[names...]', 'images of the store; default: all'))
    .summary('compare the files of the store with their hashes')
    .description('Reads every file. Exit code 1 when one is missing, was changed, or is no regular file.')
    .action(verifyImages)
  addPlaceOptions(image.command('remove').argument('<name>', 'an image of the store'))
    .summary('take an image out of service')
    .description(
      'No script names it any more. Its files stay until gc removes them, for machines that boot it now.',
    )
    .option('--force', 'also when a profile of the configuration boots it')
    .action(removeImageCommand)
  addPlaceOptions(image.command('export').argument('<folder>', 'what another web server serves'))
    .summary('put the files of all images where another web server serves them')
    .description(
      'Makes FOLDER/images/NAME/SHA256/FILE: hard links to the store where possible, copies otherwise. Files appear whole; ' +
        'what is there stays. For files: of a network.',
    )
    .option('--prune', 'take away versions that the store has no longer')
    .action(exportCommand)
  addGcOptions(addPlaceOptions(image.command('gc')))
    .summary('remove old versions, and what dead commands left')
    .description(
      'Never removes what machines are given now, nor a version that a machine got which is still booting (for a day).',
    )
    .action(collectCommand)
}
