//! `nova clean`: ends what runs and removes what nova made in its directory. A database of `DATABASE_URL` stays as it is.

use super::down;
use crate::{
    failure::Failure,
    say,
    world::{DataArg, World},
};

pub(super) async fn run(args: &DataArg) -> Result<(), Failure> {
    let shown = args.data.display();
    let Some(world) = World::find(&args.data)? else {
        say::result(format_args!("nothing to remove: {shown} has no world"));
        return Ok(());
    };
    let lock = down::end(&world).await?;
    world.remove(lock)?;
    say::result(format_args!("removed what nova made in {shown}"));
    Ok(())
}
